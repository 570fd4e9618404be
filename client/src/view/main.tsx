/** The page's edge: what the browser keeps and tells goes in here, and the page is drawn. */
import { effect } from '@preact/signals';
import { render } from 'preact';
import { choiceOfHash, choiceOfText, hashOfChoice, textOfChoice } from './choice.ts';
import { CountBar } from './count-bar.tsx';
import { keptIn } from './kept.ts';
import { NodeStrip } from './node-strip.tsx';
import { PriceTable } from './price-table.tsx';
import { createScreen } from './screen.ts';
import { SignInForm } from './sign-in-form.tsx';
import { SymbolPicker } from './symbol-picker.tsx';
import { takeTabCid } from './tab-cid.ts';
import { createTabToken } from './tab-token.ts';
import { createTheme } from './theme.ts';
import { TopBar } from './top-bar.tsx';

const keptChoice = keptIn(() => localStorage, 'tickwire.symbols');
const theme = createTheme();
const screen = createScreen({
  tabCid: takeTabCid(),
  tabToken: createTabToken(),
  choice: choiceOfHash(location.hash) ?? choiceOfText(keptChoice.read()),
});

effect(() => {
  const choice = screen.choice.value;
  keptChoice.write(textOfChoice(choice));
  history.replaceState(null, '', location.pathname + location.search + hashOfChoice(choice));
});
addEventListener('hashchange', () => (screen.choice.value = choiceOfHash(location.hash)));
addEventListener('online', () => screen.retryNow());

const page = document.querySelector('#page');
if (page === null) throw new Error('index.html has no #page');
render(
  <>
    <TopBar screen={screen} theme={theme} />
    <NodeStrip screen={screen} />
    <SignInForm screen={screen} />
    <main tabIndex={-1}>
      <PriceTable screen={screen} />
      <SymbolPicker screen={screen} />
    </main>
    <CountBar screen={screen} />
  </>,
  page,
);
