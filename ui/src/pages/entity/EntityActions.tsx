import { useQueryClient } from '@tanstack/react-query';
import {
  IconCode,
  IconDots,
  IconEye,
  IconLink,
  IconMapQuestion,
  IconPencil,
  IconRefresh,
  IconTrash,
} from '@tabler/icons-react';
import { useState } from 'react';
import { refreshEntity } from '@/api/entity';
import { useMay, useMayOn } from '@/api/permission';
import type { Entity } from '@/api/types';
import { Popover } from '@/kit/Popover';
import { AppLink } from '@/kit/AppLink';
import { originOf } from './origin';
import { RemoveDialog } from './RemoveDialog';

interface EntityActionsProps {
  entity: Entity;
  entityRef: string;
}

/** The menu of an entity: read again, source, edit, copy, remove. */
export function EntityActions({ entity, entityRef }: EntityActionsProps) {
  const [removing, setRemoving] = useState(false);
  const [told, setTold] = useState<{ text: string; bad?: boolean }>();
  const client = useQueryClient();
  const { view, edit } = originOf(entity);
  const may = useMay();
  const [opened, setOpened] = useState(false);
  const mayHere = useMayOn(opened ? entityRef : undefined);
  const mayRemove = mayHere.delete !== false || may('catalog.location.delete') !== false;

  const refresh = async () => {
    setTold({ text: 'Reading its source again…' });
    try {
      await refreshEntity(entityRef);
      // What changed arrives with the live updates; this covers a connection without them.
      setTimeout(() => void client.invalidateQueries({ queryKey: ['entity', entityRef] }), 1200);
      setTold({ text: 'Its source is being read again.' });
    } catch (cause) {
      setTold({ text: `Not refreshed: ${(cause as Error).message}`, bad: true });
    }
    setTimeout(() => setTold(undefined), 5000);
  };
  const copyLink = async () => {
    await navigator.clipboard.writeText(location.href.replace(/[?#].*$/, ''));
    setTold({ text: 'Link copied.' });
    setTimeout(() => setTold(undefined), 2500);
  };

  return (
    <>
      <Popover
        label="Actions"
        role="menu"
        align="end"
        className="entity-menu"
        onOpen={() => setOpened(true)}
        trigger={props => (
          <button {...props} type="button" className="btn btn-icon" aria-label="Actions">
            <IconDots size={17} stroke={1.8} aria-hidden />
          </button>
        )}
      >
        {close => {
          const doing = (act: () => void) => () => {
            close();
            act();
          };
          return (
            <>
              <MenuButton
                icon={IconRefresh}
                denied={mayHere.refresh === false}
                onClick={doing(() => void refresh())}
              >
                Read its source again
              </MenuButton>
              <MenuButton icon={IconLink} onClick={doing(() => void copyLink())}>
                Copy link
              </MenuButton>
              {view && (
                <a
                  className="menu-item"
                  role="menuitem"
                  href={view}
                  target="_blank"
                  rel="noopener noreferrer"
                >
                  <IconCode size={16} stroke={1.7} aria-hidden />
                  <span>View source</span>
                </a>
              )}
              {edit && (
                <a
                  className="menu-item"
                  role="menuitem"
                  href={edit}
                  target="_blank"
                  rel="noopener noreferrer"
                >
                  <IconPencil size={16} stroke={1.7} aria-hidden />
                  <span>Edit</span>
                </a>
              )}
              <AppLink
                className="menu-item"
                role="menuitem"
                href={`/catalog/why?q=${encodeURIComponent(entityRef)}`}
              >
                <IconMapQuestion size={16} stroke={1.7} aria-hidden />
                <span>Where it comes from</span>
              </AppLink>
              {may('policy.entity.read') && (
                <AppLink
                  className="menu-item"
                  role="menuitem"
                  href={`/admin/policy?tab=viewers&entity=${encodeURIComponent(entityRef)}`}
                >
                  <IconEye size={16} stroke={1.7} aria-hidden />
                  <span>Who can see this?</span>
                </AppLink>
              )}
              <div className="menu-sep" role="separator" />
              <MenuButton
                icon={IconTrash}
                danger
                denied={!mayRemove}
                onClick={doing(() => setRemoving(true))}
              >
                Remove…
              </MenuButton>
            </>
          );
        }}
      </Popover>
      <div role="status" className="toast-area">
        {told && (
          <p className="toast" data-bad={told.bad || undefined}>
            {told.text}
          </p>
        )}
      </div>
      {removing && <RemoveDialog entity={entity} onClose={() => setRemoving(false)} />}
    </>
  );
}

interface MenuButtonProps {
  icon: typeof IconDots;
  children: string;
  danger?: boolean;
  /** Said and not hidden: who looks for it learns why it cannot be done. */
  denied?: boolean;
  onClick: () => void;
}

function MenuButton({ icon: Glyph, children, danger, denied, onClick }: MenuButtonProps) {
  return (
    <button
      type="button"
      role="menuitem"
      className="menu-item"
      data-danger={(danger && !denied) || undefined}
      aria-disabled={denied || undefined}
      onClick={denied ? undefined : onClick}
    >
      <Glyph size={16} stroke={1.7} aria-hidden />
      <span>{children}</span>
      {denied && <span className="menu-note">not permitted</span>}
    </button>
  );
}
