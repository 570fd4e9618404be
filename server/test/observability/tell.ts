/** What a process tells at `/metrics`, read as Prometheus reads it. */

/** Sums the series of that name that carry these labels; NaN where there is none. */
export type Sum = (name: string, labels?: Readonly<Record<string, string>>) => number;

export interface Told {
  text: string;
  sum: Sum;
}

/** Gives what is told at that address now. */
export async function tell(url: string): Promise<Told> {
  const text = await (await fetch(new URL('/metrics', url), { signal: AbortSignal.timeout(5_000) })).text();
  const series = seriesOf(text);
  return {
    text,
    sum: (name, labels = {}) => {
      const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
      const values = [...series].flatMap(([key, value]) =>
        (key === name || key.startsWith(`${name}{`)) && wanted.every((one) => key.includes(one)) ? value : [],
      );
      return values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0);
    },
  };
}

/** Every series with its labels as it is written, and its value. Throws where one is told twice. */
export function seriesOf(text: string): ReadonlyMap<string, number> {
  const series = new Map<string, number>();
  for (const [, key = '', value] of text.matchAll(/^(\w+(?:\{.*\})?) (\S+)$/gm)) {
    if (series.has(key)) throw new Error(`${key} is told twice`);
    series.set(key, value === '+Inf' ? Infinity : Number(value));
  }
  return series;
}
