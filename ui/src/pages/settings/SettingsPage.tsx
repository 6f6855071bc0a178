import { IconLogout } from '@tabler/icons-react';
import { useEffect, useState, type ReactNode } from 'react';
import { boot, session } from '@/app/services';
import { setTheme, useTheme } from '@/app/theme';
import { useTitle } from '@/app/title';
import { signOut, themeOptions, useIdentity } from '@/app/UserMenu';
import { EntityLink } from '@/catalog/EntityLink';
import { ago, moment } from '@/catalog/time';
import { Avatar, Segmented } from '@/kit/kit';
import './settings.css';

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="settings-section" aria-label={title}>
      <h2>{title}</h2>
      <div className="settings-box">{children}</div>
    </section>
  );
}

function Setting({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="setting">
      <span className="setting-name">{name}</span>
      <div className="setting-value">{children}</div>
    </div>
  );
}

/** How long the token lasts; it is renewed by itself before. */
function SessionTime() {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 15_000);
    return () => clearInterval(timer);
  }, []);
  const expires = session.expires();
  if (expires === undefined) return <span className="muted">is being renewed</span>;
  const at = new Date(expires);
  return (
    <span>
      renewed by itself, at the latest{' '}
      <time dateTime={at.toISOString()} title={moment(at)}>
        {ago(at, new Date(now))}
      </time>
    </span>
  );
}

export function SettingsPage() {
  useTitle('Settings');
  const identity = useIdentity();
  const theme = useTheme();
  const { app, organization, version } = boot.config;
  if (!identity) return null;
  return (
    <div className="page page-narrow">
      <header className="page-head">
        <h1>Settings</h1>
      </header>
      <Section title="Profile">
        <div className="settings-profile">
          <Avatar name={identity.name} large />
          <div>
            <strong>{identity.name}</strong>
            <span className="muted">{identity.profile.email || identity.userEntityRef}</span>
          </div>
          <button type="button" className="btn" onClick={() => void signOut()}>
            <IconLogout size={15} aria-hidden />
            Sign out
          </button>
        </div>
        <Setting name="User entity">
          <EntityLink to={identity.userEntityRef} defaults={{}} icon />
        </Setting>
        <Setting name="Owns as">
          {identity.ownershipEntityRefs.map(ref => (
            <EntityLink key={ref} to={ref} defaults={{}} icon />
          ))}
        </Setting>
        <Setting name="Signed in with">
          {session.provider(identity.provider)?.title ?? identity.provider}
        </Setting>
        <Setting name="Session">
          <SessionTime />
        </Setting>
      </Section>
      <Section title="Appearance">
        <Setting name="Theme">
          <Segmented label="Theme" value={theme} options={themeOptions} onChange={setTheme} />
        </Setting>
      </Section>
      <Section title="About">
        <Setting name="Portal">
          {[app.title, organization?.name].filter(Boolean).join(' · ')}
        </Setting>
        <Setting name="Version">
          <span className="mono">
            {version ? [version.version, version.commit].filter(Boolean).join(' · ') : 'unknown'}
          </span>
        </Setting>
      </Section>
    </div>
  );
}
