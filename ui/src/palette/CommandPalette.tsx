import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { IconLogout, IconMoon, IconSearch, IconSettings, IconSun } from '@tabler/icons-react';
import { useEffect, useId, useRef, useState, type ReactNode } from 'react';
import { useNavItems } from '@/app/nav';
import { isDark, setTheme } from '@/app/theme';
import { signOut } from '@/app/UserMenu';
import { KindIcon, kindInfo } from '@/catalog/kinds';
import { rememberVisit, useVisits } from '@/catalog/personal';
import { entityPath, formatRef, parseRef, refOf, titleOf } from '@/catalog/ref';
import { Kbd } from '@/kit/kit';
import { entitySearch } from './search';
import './palette.css';

interface Command {
  id: string;
  label: string;
  detail?: string;
  hint?: string;
  icon: ReactNode;
  run: () => void;
}

interface Group {
  title: string;
  commands: Command[];
}

const typingPause = 90;

function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), typingPause);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

/** The commands for what was typed: entities first, then places and actions. */
function useGroups(text: string): { groups: Group[]; searching: boolean } {
  const router = useRouter();
  const nav = useNavItems();
  const visits = useVisits();
  const term = text.trim();
  const settled = useSettled(term);
  const found = useQuery({ ...entitySearch(settled), placeholderData: keepPreviousData });
  const go = (href: string) => router.history.push(href);

  const entities = (term ? (found.data ?? []) : []).map((entity): Command => {
    const ref = refOf(entity);
    const visit = { ref: formatRef(ref), title: titleOf(entity) };
    return {
      id: visit.ref,
      label: visit.title,
      detail: entity.metadata.description,
      hint: kindInfo(entity.kind).label,
      icon: <KindIcon kind={entity.kind} size={17} />,
      run: () => {
        rememberVisit(visit);
        go(entityPath(ref));
      },
    };
  });
  const recent = visits.map((visit): Command => {
    const ref = parseRef(visit.ref);
    return {
      id: visit.ref,
      label: visit.title,
      hint: kindInfo(ref.kind).label,
      icon: <KindIcon kind={ref.kind} size={17} />,
      run: () => {
        rememberVisit(visit);
        go(entityPath(ref));
      },
    };
  });
  const places = nav.map(({ label, href, icon: Glyph }): Command => {
    return {
      id: `go:${label}`,
      label: `Go to ${label}`,
      icon: <Glyph size={17} stroke={1.7} />,
      run: () => go(href),
    };
  });
  const dark = isDark();
  const actions: Command[] = [
    ...places,
    {
      id: 'go:settings',
      label: 'Go to Settings',
      icon: <IconSettings size={17} stroke={1.7} />,
      run: () => go('/settings'),
    },
    {
      id: 'theme',
      label: dark ? 'Switch to the light theme' : 'Switch to the dark theme',
      icon: dark ? <IconSun size={17} stroke={1.7} /> : <IconMoon size={17} stroke={1.7} />,
      run: () => setTheme(dark ? 'light' : 'dark'),
    },
    {
      id: 'sign-out',
      label: 'Sign out',
      icon: <IconLogout size={17} stroke={1.7} />,
      run: () => void signOut(),
    },
  ];
  const words = term.toLowerCase().split(/\s+/);
  const fits = ({ label }: Command) => words.every(word => label.toLowerCase().includes(word));
  const groups = [
    { title: term ? 'Catalog' : 'Recent', commands: term ? entities : recent },
    { title: 'Commands', commands: term ? actions.filter(fits) : actions },
  ];
  return {
    groups: groups.filter(({ commands }) => commands.length > 0),
    searching: term !== '' && (settled !== term || found.isFetching),
  };
}

/** Ctrl-K: type to find an entity or a command, arrows to choose, Enter to go. */
export function CommandPalette({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const id = useId();
  const { groups, searching } = useGroups(text);
  const commands = groups.flatMap(group => group.commands);
  const chosen = Math.min(at, commands.length - 1);

  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    document.getElementById(`${id}-${chosen}`)?.scrollIntoView({ block: 'nearest' });
  }, [id, chosen]);

  const run = (command: Command | undefined) => {
    if (!command) return;
    dialog.current?.close();
    command.run();
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && commands.length > 0) {
      event.preventDefault();
      setAt((chosen + step + commands.length) % commands.length);
    } else if (event.key === 'Enter' && !event.nativeEvent.isComposing) {
      event.preventDefault();
      run(commands[chosen]);
    }
  };

  let index = -1;
  return (
    // A click on the backdrop counts as one on the dialog itself; Escape is built in.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/click-events-have-key-events
    <dialog
      ref={dialog}
      className="palette"
      aria-label="Search and commands"
      onClose={onClose}
      onClick={event => event.target === dialog.current && dialog.current?.close()}
    >
      <div className="palette-field">
        <IconSearch size={18} stroke={1.7} aria-hidden />
        <input
          role="combobox"
          aria-expanded
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined}
          aria-label="Search the catalog or run a command"
          placeholder="Search the catalog or run a command"
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={event => {
            setText(event.target.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
        />
        <Kbd>Esc</Kbd>
      </div>
      <div
        className="palette-list"
        id={`${id}-list`}
        role="listbox"
        aria-label="Results"
        aria-busy={searching}
      >
        {groups.map(({ title, commands: members }) => (
          <div key={title} role="group" aria-label={title}>
            <div className="palette-title" aria-hidden>
              {title}
            </div>
            {members.map(command => {
              const place = ++index;
              return (
                // The keyboard works through the field above, as a combobox should.
                // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
                <div
                  key={command.id}
                  id={`${id}-${place}`}
                  role="option"
                  aria-selected={place === chosen}
                  className="palette-item"
                  onPointerMove={() => setAt(place)}
                  onClick={() => run(command)}
                >
                  <span className="palette-icon" aria-hidden>
                    {command.icon}
                  </span>
                  <span className="palette-label">{command.label}</span>
                  <span className="palette-detail">{command.detail}</span>
                  {command.hint && <span className="palette-hint">{command.hint}</span>}
                </div>
              );
            })}
          </div>
        ))}
        {commands.length === 0 && (
          <p className="palette-none">
            {searching ? 'Searching…' : `Nothing found for “${text.trim()}”`}
          </p>
        )}
      </div>
      <footer className="palette-foot" aria-hidden>
        <span>
          <Kbd>↑</Kbd> <Kbd>↓</Kbd> choose
        </span>
        <span>
          <Kbd>↵</Kbd> open
        </span>
      </footer>
    </dialog>
  );
}
