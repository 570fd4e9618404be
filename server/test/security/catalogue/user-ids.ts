/** Texts and values that are no user id. */
const texts: readonly [name: string, text: string][] = [
  ['with a glob', 'ann*'],
  ['with a question mark', 'ann?'],
  ['of a list of letters', 'a[nb]n'],
  ['with a blank', 'ann b'],
  ['with a slash', 'ann/b'],
  ['with a backslash', 'ann\\b'],
  ['with a line break', 'ann\r\nX-Injected: yes'],
  ['of markup', '<script>'],
  ['of another script', 'آن'],
  ['that turns its direction', '\u202eann'],
  ['of 129 letters', 'a'.repeat(129)],
];

export const usersInAddress = texts.map(([name, text]): [string, string] => [name, encodeURIComponent(text)]);

export const badUserIds: readonly [name: string, value: unknown][] = [
  ...texts,
  ['with a zero byte', 'ann\0'],
  ['of nothing', ''],
  ['that is a number', 7],
  ['that is a list', ['ann']],
  ['that is an object', { id: 'ann' }],
  ['that is true', true],
];
