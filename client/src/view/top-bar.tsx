/** Name, state of the connection, the replica that serves us, and the theme. */
import { useComputed } from '@preact/signals';
import type { Screen } from './screen.ts';
import type { Theme } from './theme.ts';
import { signInRefusal } from './sign-in.ts';
import { statusOf } from './words.ts';

interface TopBarProps {
  screen: Screen;
  theme: Theme;
}

/**
 * The head of the page. Name and sign-out are there for who signed in with a token, `Try now` while a wait can be
 * ended.
 */
export function TopBar({ screen, theme }: TopBarProps) {
  return (
    <header class="top">
      <h1>
        <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
          <rect width="32" height="32" rx="7" />
          <path d="M5 19h5l4-9 5 13 3-7h5" />
        </svg>
        Tickwire
      </h1>
      <ConnectionStatus screen={screen} />
      {screen.user.value !== null && <User screen={screen} name={screen.user.value} />}
      <ThemeButton theme={theme} />
    </header>
  );
}

function ConnectionStatus({ screen }: { screen: Screen }) {
  const status = useComputed(() => statusOf(screen.connection.value, screen.feed.value, screen.now.value));
  const announcement = useComputed(() => status.value.announcement);
  const { tone, words, detail } = status.value;
  const { at } = screen.connection.value;
  return (
    <div class="status" data-tone={tone} data-connection={at}>
      <span class="dot" aria-hidden="true" />
      <span class="words" title={detail === '' ? undefined : detail}>
        {words}
      </span>
      {at === 'live' && screen.node.value !== null && (
        <span class="node">
          served by <b>{screen.node}</b>
        </span>
      )}
      {(at === 'waiting' || at === 'refused') && signInRefusal(screen.connection.value) === null && (
        <button type="button" onClick={() => screen.retryNow()}>
          Try now
        </button>
      )}
      <span class="spoken" role="status">
        {announcement}
      </span>
    </div>
  );
}

function User({ screen, name }: { screen: Screen; name: string }) {
  return (
    <span class="user">
      <b>{name}</b>
      <button type="button" onClick={() => screen.signOut()}>
        Sign out
      </button>
    </span>
  );
}

function ThemeButton({ theme }: { theme: Theme }) {
  const isDark = theme.current.value === 'dark';
  const label = `Switch to the ${isDark ? 'light' : 'dark'} theme`;
  return (
    <button type="button" class="theme" aria-label={label} title={label} onClick={() => theme.toggle()}>
      <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
        {isDark ? (
          <>
            <circle cx="12" cy="12" r="4" />
            <path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M18.4 5.6 17 7M7 17l-1.4 1.4" />
          </>
        ) : (
          <path d="M20 14.5A8 8 0 0 1 9.5 4a8 8 0 1 0 10.500 10.500Z" />
        )}
      </svg>
    </button>
  );
}
