import { useRouter } from '@tanstack/react-router';
import {
  IconDeviceDesktop,
  IconLogout,
  IconMoon,
  IconSettings,
  IconSun,
} from '@tabler/icons-react';
import { useSyncExternalStore } from 'react';
import { parseRef } from '@/catalog/ref';
import { Avatar, Segmented } from '@/kit/kit';
import { Popover } from '@/kit/Popover';
import { session } from './services';
import { setTheme, useTheme, type Theme } from './theme';

export const themeOptions = [
  { value: 'light', label: 'Light', icon: IconSun },
  { value: 'dark', label: 'Dark', icon: IconMoon },
  { value: 'system', label: 'System', icon: IconDeviceDesktop },
] as const satisfies readonly { value: Theme; label: string; icon: unknown }[];

/** Ends the session, in every tab of this browser. */
export const signOut = () => session.signOut();

export function useIdentity() {
  const state = useSyncExternalStore(session.subscribe, session.snapshot);
  if (state.status !== 'signed-in') return undefined;
  const { profile, userEntityRef } = state.identity;
  return { ...state.identity, name: profile.displayName || parseRef(userEntityRef).name };
}

export function UserMenu() {
  const identity = useIdentity();
  const router = useRouter();
  const theme = useTheme();
  if (!identity) return null;
  return (
    <Popover
      label="Your account"
      side="top"
      className="user-pop"
      trigger={props => (
        <button {...props} type="button" className="user-button">
          <Avatar name={identity.name} />
          <span>{identity.name}</span>
        </button>
      )}
    >
      {close => (
        <>
          <div className="menu-head">
            <strong>{identity.name}</strong>
            <span>{identity.userEntityRef}</span>
          </div>
          <Segmented label="Theme" value={theme} options={themeOptions} onChange={setTheme} />
          <div className="menu-sep" />
          <button
            type="button"
            className="menu-item"
            onClick={() => {
              close();
              router.history.push('/settings');
            }}
          >
            <IconSettings size={16} stroke={1.7} aria-hidden />
            <span>Settings</span>
          </button>
          <button type="button" className="menu-item" onClick={() => void signOut()}>
            <IconLogout size={16} stroke={1.7} aria-hidden />
            <span>Sign out</span>
          </button>
        </>
      )}
    </Popover>
  );
}
