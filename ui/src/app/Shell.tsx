import { Outlet, useRouterState } from '@tanstack/react-router';
import { IconMenu2, IconSearch, IconStarFilled, IconWifiOff } from '@tabler/icons-react';
import { lazy, Suspense, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { SignInPage } from '@/auth/SignInPage';
import { useStarred } from '@/catalog/personal';
import { entityPath, parseRef } from '@/catalog/ref';
import { KindIcon } from '@/catalog/kinds';
import { AppLink } from '@/kit/AppLink';
import { Mark, PaletteKeys } from '@/kit/kit';
import { useNavItems, type NavItem } from './nav';
import { openPalette, PaletteHost, warmPalette } from './paletteHost';
import { boot, session } from './services';
import { UserMenu } from './UserMenu';

// Fetched ahead by main.tsx, since it is wanted when the server may not answer.
const SessionEnded = lazy(() =>
  import('@/auth/SessionEnded').then(module => ({ default: module.SessionEnded })),
);

/** The frame around every page: rail, top bar on narrow screens, banners, palette. */
export function Shell() {
  const state = useSyncExternalStore(session.subscribe, session.snapshot);
  const alone = useRouterState({ select: ({ location }) => standsAlone(location.pathname) });
  if (state.status === 'signed-out') {
    return <SignInPage cause={state.cause} expired={state.expired} />;
  }
  const ended = state.status === 'signed-in' && state.ended && (
    <Suspense fallback={null}>
      <SessionEnded ended={state.ended} provider={state.identity.provider} />
    </Suspense>
  );
  if (alone) {
    return (
      <>
        <Outlet />
        {ended}
      </>
    );
  }
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <Progress />
      <div className="shell">
        <Rail />
        <TopBar />
        <main className="main" id="main" tabIndex={-1}>
          <OfflineBanner />
          <Outlet />
        </main>
      </div>
      <PaletteHost />
      {ended}
    </>
  );
}

/** Whether a page has no frame: it asks one thing, and nothing else should be at hand. */
const standsAlone = (path: string) => path.startsWith('/oauth2/');

function Brand() {
  const name = boot.config.organization?.name || boot.config.app.title;
  return (
    <AppLink className="brand" href="/catalog">
      <Mark />
      <span className="brand-name">{name}</span>
    </AppLink>
  );
}

function Rail() {
  return (
    <aside className="side" aria-label="Navigation">
      <Brand />
      <button
        type="button"
        className="side-search"
        onClick={openPalette}
        onPointerEnter={warmPalette}
        onFocus={warmPalette}
      >
        <IconSearch size={15} stroke={1.8} aria-hidden />
        <span>Search</span>
        <PaletteKeys />
      </button>
      <MainNav />
      <Starred />
      <AdminNav />
      <div className="side-foot">
        <UserMenu />
      </div>
    </aside>
  );
}

function MainNav() {
  const items = useNavItems().filter(({ admin }) => !admin);
  return (
    <nav className="nav" aria-label="Main">
      <NavLinks items={items} />
    </nav>
  );
}

/** Below everything else, so that nothing moves when it becomes known who may see it. */
function AdminNav() {
  const items = useNavItems().filter(({ admin }) => admin);
  if (items.length === 0) return null;
  return (
    <nav className="nav nav-admin" aria-labelledby="nav-admin">
      <h2 id="nav-admin">Admin</h2>
      <NavLinks items={items} />
    </nav>
  );
}

function NavLinks({ items }: { items: readonly NavItem[] }) {
  const { pathname, search } = useRouterState({ select: state => state.location });
  return items.map(({ label, href, icon: Glyph, current }) => (
    <AppLink
      key={label}
      className="nav-item"
      href={href}
      aria-current={current(pathname, search) ? 'page' : undefined}
    >
      <Glyph size={17} stroke={1.7} aria-hidden />
      {label}
    </AppLink>
  ));
}

const mostStarred = 8;

/** What the user starred, one click away on every page. */
function Starred() {
  const starred = useStarred();
  const path = useRouterState({ select: state => state.location.pathname });
  if (starred.length === 0) return null;
  return (
    <nav className="nav nav-starred" aria-labelledby="nav-starred">
      <h2 id="nav-starred">
        <IconStarFilled size={11} aria-hidden />
        Starred
      </h2>
      {starred.slice(0, mostStarred).map(text => {
        const ref = parseRef(text);
        const href = entityPath(ref);
        return (
          <AppLink
            key={text}
            className="nav-item"
            href={href}
            title={text}
            aria-current={path === href ? 'page' : undefined}
          >
            <KindIcon kind={ref.kind} size={15} />
            <span className="brand-name">{ref.name}</span>
          </AppLink>
        );
      })}
      {starred.length > mostStarred && (
        <AppLink
          className="nav-item nav-more"
          href="/catalog?filters[kind]=all&filters[user]=starred"
        >
          All {starred.length} starred
        </AppLink>
      )}
    </nav>
  );
}

/** On narrow screens: the brand, search, and a button that brings the rail as a drawer. */
function TopBar() {
  const drawer = useRef<HTMLDialogElement>(null);
  const [shown, setShown] = useState(false);
  const location = useRouterState({ select: state => state.location.href });
  useEffect(() => drawer.current?.close(), [location]);
  return (
    <header className="topbar">
      <button
        type="button"
        className="icon-btn"
        aria-label="Open the navigation"
        onClick={() => {
          setShown(true);
          drawer.current?.showModal();
        }}
      >
        <IconMenu2 size={20} stroke={1.7} aria-hidden />
      </button>
      <Brand />
      <button type="button" className="icon-btn" aria-label="Search" onClick={openPalette}>
        <IconSearch size={19} stroke={1.7} aria-hidden />
      </button>
      {/* A click on the backdrop counts as one on the dialog itself; Escape is built in. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/click-events-have-key-events */}
      <dialog
        ref={drawer}
        className="drawer"
        aria-label="Navigation"
        onClose={() => setShown(false)}
        onClick={event => event.target === drawer.current && drawer.current?.close()}
      >
        {shown && <Rail />}
      </dialog>
    </header>
  );
}

/** A line at the top while the next page is on its way, if that takes noticeably long. */
function Progress() {
  const loading = useRouterState({ select: state => state.isLoading });
  return <div className="progress" data-on={loading || undefined} aria-hidden />;
}

const online = (tell: () => void) => {
  addEventListener('online', tell);
  addEventListener('offline', tell);
  return () => {
    removeEventListener('online', tell);
    removeEventListener('offline', tell);
  };
};

function OfflineBanner() {
  const connected = useSyncExternalStore(online, () => navigator.onLine);
  return (
    <div role="status">
      {!connected && (
        <p className="banner">
          <IconWifiOff size={16} aria-hidden />
          You are offline. What you see may be out of date; it refreshes once you are back.
        </p>
      )}
    </div>
  );
}
