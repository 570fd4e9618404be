/** Tells secrets that nobody chose: those of examples, and what people type when they are in a hurry. */

const words = [
  'abcdefghijklmnopqrstuvwxyz',
  '0123456789',
  'placeholder',
  'password',
  'tickwire',
  '123456',
  'changeit',
  'changeme',
  'default',
  'example',
  'replace',
  'letmein',
  'secret',
  'sample',
  'change',
  'abcdef',
  'qwerty',
  'dummy',
  'super',
  'token',
  'admin',
  'this',
  'your',
  'long',
  'test',
  'demo',
  'here',
  'own',
  'key',
  'jwt',
  'api',
];
const known = new RegExp(words.join('|'), 'gi');
/** Sixteen random hexadecimal digits have as many different ones, but for one time in ten thousand. */
const fewestCharacters = 6;

/** Whether next to nothing is left of the text without the words that placeholders are made of. */
export function isPlaceholder(text: string): boolean {
  const rest = text.replaceAll(known, '').replaceAll(/[^A-Za-z0-9]/g, '');
  return new Set(rest.toLowerCase()).size < fewestCharacters;
}
