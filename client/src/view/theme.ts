/** Dark or light: what the system prefers, until somebody here chose otherwise. The style sheet reads `data-theme`. */
import { effect, signal, type ReadonlySignal } from '@preact/signals';
import { keptIn } from './kept.ts';

type ThemeName = 'light' | 'dark';

/** The theme that is drawn now, and the way to the other one. */
export interface Theme {
  current: ReadonlySignal<ThemeName>;
  toggle(): void;
}

/** Sets `data-theme` at once and at each change, and keeps in this browser what was chosen against the system's. */
export function createTheme(): Theme {
  const kept = keptIn(() => localStorage, 'tickwire.theme');
  const system = matchMedia('(prefers-color-scheme: dark)');
  const ofSystem = (): ThemeName => (system.matches ? 'dark' : 'light');
  const stored = kept.read();
  let isChosen = stored === 'dark' || stored === 'light';
  const current = signal<ThemeName>(stored === 'dark' || stored === 'light' ? stored : ofSystem());

  system.addEventListener('change', () => {
    if (!isChosen) current.value = ofSystem();
  });
  effect(() => {
    document.documentElement.dataset['theme'] = current.value;
  });

  return {
    current,
    toggle: () => {
      const next = current.value === 'dark' ? 'light' : 'dark';
      current.value = next;
      // The system's own theme is no choice: who comes back to it follows the system again.
      isChosen = next !== ofSystem();
      kept.write(isChosen ? next : null);
    },
  };
}
