/** Asks for a token where the server wants one; there until a connection is live. */
import { useEffect, useRef } from 'preact/hooks';
import type { Screen } from './screen.ts';

/** Draws nothing while no token is asked for. The field is emptied as soon as its token was shown. */
export function SignInForm({ screen }: { screen: Screen }) {
  return screen.signIn.value === null ? null : <Form screen={screen} />;
}

function Form({ screen }: { screen: Screen }) {
  const token = useRef<HTMLInputElement>(null);
  // What had the focus is gone with the form.
  useEffect(
    () => () => {
      if (document.activeElement === document.body) document.querySelector('main')?.focus();
    },
    [],
  );
  const { words, isRefused } = screen.signIn.value ?? { words: '', isRefused: false };

  function submit(event: SubmitEvent): void {
    event.preventDefault();
    if (token.current === null) return;
    screen.showToken(token.current.value);
    token.current.value = '';
  }

  return (
    <form class="sign-in" aria-labelledby="sign-in-title" onSubmit={submit}>
      <h2 id="sign-in-title">Sign in</h2>
      <p id="sign-in-words" role="alert" data-refused={isRefused}>
        {words}
      </p>
      <label for="sign-in-token">Token</label>
      <div class="entry">
        <input
          ref={token}
          id="sign-in-token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          aria-describedby="sign-in-words"
          aria-invalid={isRefused}
        />
        <button type="submit">Sign in</button>
      </div>
    </form>
  );
}
