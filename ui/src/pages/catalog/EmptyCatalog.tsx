import { IconFilterOff, IconPackage, IconStar } from '@tabler/icons-react';
import { kindWord } from '@/catalog/kinds';
import { AppLink } from '@/kit/AppLink';
import { Kbd, Message } from '@/kit/kit';
import { countFilters, type CatalogState } from './state';

interface EmptyCatalogProps {
  state: CatalogState;
  clear: () => void;
  canRegister: boolean;
}

/** Says why the list is empty and what to do about it. */
export function EmptyCatalog({ state, clear, canRegister }: EmptyCatalogProps) {
  const things = state.kind === 'all' ? 'entities' : kindWord(state.kind);
  const filters = countFilters(state);
  const showAll = (
    <button type="button" className="btn" onClick={clear}>
      {filters === 1 && state.user !== 'all' ? `Show all ${things}` : 'Clear all filters'}
    </button>
  );
  if (state.user === 'starred' && filters === 1) {
    return (
      <Message icon={IconStar} title={`No starred ${things} yet`} actions={showAll}>
        <p>
          Star what you work with every day: click the star of a row, or press <Kbd>S</Kbd> on it.
        </p>
      </Message>
    );
  }
  if (state.user === 'owned' && filters === 1) {
    return (
      <Message icon={IconPackage} title={`You own no ${things}`} actions={showAll}>
        <p>Owned is what you or a group of yours is the owner of.</p>
      </Message>
    );
  }
  if (filters > 0) {
    return (
      <Message icon={IconFilterOff} title={`No ${things} match`} actions={showAll}>
        <p>Nothing in the catalog fits all the filters at once. Remove one or start over.</p>
      </Message>
    );
  }
  return (
    <Message
      icon={IconPackage}
      title={`No ${things} yet`}
      actions={
        <>
          {canRegister && (
            <AppLink className="btn btn-primary" href="/catalog-import">
              Register a catalog file
            </AppLink>
          )}
          <AppLink className="btn" href="/catalog/why">
            Why is it not here?
          </AppLink>
        </>
      }
    >
      <p>
        {canRegister ? (
          <>
            Entities come from catalog-info.yaml files. Register one, or add a location or a
            provider under <code>catalog</code> in the configuration.
          </>
        ) : (
          'There are none, or none that the policy of this portal lets you see. Whoever runs it can tell.'
        )}
      </p>
    </Message>
  );
}
