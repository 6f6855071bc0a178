import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { IconPlus } from '@tabler/icons-react';
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { byQuery } from '@/api/catalog';
import { session } from '@/app/services';
import { useCanRegister } from '@/app/nav';
import { useTitle } from '@/app/title';
import { kindInfo } from '@/catalog/kinds';
import { useStarred } from '@/catalog/personal';
import { AppLink } from '@/kit/AppLink';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Kbd, SearchField, Segmented } from '@/kit/kit';
import { columnsFor } from './columns';
import { EmptyCatalog } from './EmptyCatalog';
import { EntityTable } from './EntityTable';
import { FacetFilter } from './FacetFilter';
import { KindTabs } from './KindTabs';
import { Pager } from './Pager';
import { pageRequest, type Viewer } from './query';
import {
  countFilters,
  initialState,
  readState,
  refine,
  toggled,
  withKind,
  writeState,
  type CatalogState,
  type FacetName,
  type Personal,
  type RawSearch,
} from './state';
import { useRowKeys } from './useRowKeys';
import '@/styles/catalog.css';

const filters: readonly [FacetName, string][] = [
  ['type', 'Type'],
  ['owners', 'Owner'],
  ['lifecycles', 'Lifecycle'],
  ['tags', 'Tags'],
  ['namespaces', 'Namespace'],
];

const personal: readonly { value: Personal; label: string }[] = [
  { value: 'all', label: 'All' },
  { value: 'owned', label: 'Owned' },
  { value: 'starred', label: 'Starred' },
];

/** Kinds that have no owner, and so neither an owner filter nor "owned". */
const ownerless = new Set(['user', 'group', 'location']);
/** The filters that do not apply to a kind; a custom kind gets all of them. */
const pointless: Record<string, FacetName[]> = {
  user: ['type', 'owners', 'lifecycles'],
  group: ['lifecycles', 'owners'],
  location: ['lifecycles', 'owners', 'tags'],
  system: ['type', 'lifecycles'],
  domain: ['type', 'lifecycles'],
  resource: ['lifecycles'],
  template: ['lifecycles'],
};

const isStarredOrAll = ({ value }: { value: Personal }) => value !== 'owned';

function filtersFor({ kind, picked }: CatalogState) {
  const out = pointless[kind] ?? [];
  return filters.filter(([name]) => !out.includes(name) || picked[name].length > 0);
}

/** The state of the address and the way to change it. */
function useCatalogState() {
  const raw = useSearch({ strict: false }) as RawSearch;
  const navigate = useNavigate();
  const state = useMemo(() => readState(raw), [raw]);
  const change = useCallback(
    (next: CatalogState, replace = false) =>
      void navigate({ to: '/catalog', search: writeState(next, raw), replace }),
    [navigate, raw],
  );
  return [state, change] as const;
}

/** Who looks at the list; `known` is false while the provider is still asked. */
function useViewer(): Viewer & { known: boolean } {
  const starred = useStarred();
  const signedIn = useSyncExternalStore(session.subscribe, session.snapshot);
  return useMemo(
    () => ({
      known: signedIn.status !== 'restoring',
      starred,
      ownershipRefs: signedIn.status === 'signed-in' ? signedIn.identity.ownershipEntityRefs : [],
    }),
    [starred, signedIn],
  );
}

export function CatalogPage() {
  const [state, change] = useCatalogState();
  const viewer = useViewer();
  const canRegister = useCanRegister();
  const textField = useRef<HTMLInputElement>(null);
  const client = useQueryClient();
  useTitle(state.kind === 'all' ? 'Catalog' : kindInfo(state.kind).plural);
  useRowKeys(textField);

  const request = pageRequest(state, viewer);
  const shownKind = useRef(state.kind);
  const page = useQuery({
    ...byQuery(request ?? { search: '' }),
    enabled: request !== undefined,
    // Rows of another kind under this kind's columns would be nonsense.
    placeholderData: before => (shownKind.current === state.kind ? before : undefined),
  });
  useEffect(() => {
    shownKind.current = state.kind;
  }, [state.kind, page.data]);

  const nothing = viewer.known ? { items: [], totalItems: 0, pageInfo: {} } : undefined;
  const data = request ? page.data : nothing;
  const pickTag = useCallback(
    (tag: string) =>
      change(refine(state, { picked: { ...state.picked, tags: toggled(state.picked.tags, tag) } })),
    [change, state],
  );
  const clear = () => change(refine(state, { picked: initialState.picked, text: '', user: 'all' }));
  const failed = page.isError && !page.isPlaceholderData && !data;
  const empty = data?.items.length === 0 && !page.isPlaceholderData;
  const caption = kindInfo(state.kind).plural;

  return (
    <div className="page catalog">
      <header className="page-head">
        <h1>Catalog</h1>
        {canRegister && (
          <AppLink className="btn" href="/catalog-import">
            <IconPlus size={15} aria-hidden />
            Register
          </AppLink>
        )}
      </header>
      <KindTabs state={state} viewer={viewer} onPick={kind => change(withKind(state, kind))} />
      <div className="filters">
        <TextFilter
          inputRef={textField}
          text={state.text}
          onChange={text => change(refine(state, { text }), true)}
        />
        <Segmented
          label="Whose entities"
          value={state.user}
          options={ownerless.has(state.kind) ? personal.filter(isStarredOrAll) : personal}
          onChange={user => change(refine(state, { user }))}
        />
        {filtersFor(state).map(([name, label]) => (
          <FacetFilter
            key={name}
            name={name}
            label={label}
            state={state}
            viewer={viewer}
            onChange={values =>
              change(refine(state, { picked: { ...state.picked, [name]: values } }))
            }
          />
        ))}
        {countFilters(state) > 0 && (
          <button type="button" className="btn btn-quiet" onClick={clear}>
            Clear
          </button>
        )}
      </div>
      <section className="card" aria-label={caption}>
        {failed ? (
          <ErrorMessage
            error={page.error}
            retryLabel={state.cursor ? 'Back to the first page' : undefined}
            retry={() => (state.cursor ? change(refine(state, {})) : void page.refetch())}
          />
        ) : empty ? (
          <EmptyCatalog state={state} clear={clear} canRegister={canRegister} />
        ) : (
          <EntityTable
            columns={columnsFor(state.kind)}
            caption={caption}
            items={data?.items}
            stale={page.isPlaceholderData}
            skeletonRows={state.limit > 25 ? 25 : state.limit}
            starred={viewer.starred}
            sort={state.sort}
            onSort={sort => change(refine(state, { sort }))}
            pickTag={pickTag}
          />
        )}
      </section>
      {!failed && !empty && data && (
        <Pager
          state={state}
          data={data}
          stale={page.isPlaceholderData}
          onChange={change}
          onPeek={next => {
            const wanted = pageRequest(next, viewer);
            if (wanted) void client.prefetchQuery(byQuery(wanted));
          }}
        />
      )}
    </div>
  );
}

const typingPause = 140;

interface TextFilterProps {
  text: string;
  onChange: (text: string) => void;
  inputRef: React.RefObject<HTMLInputElement>;
}

/** The text filter: what is typed shows at once, the address follows after a pause. */
function TextFilter({ text, onChange, inputRef }: TextFilterProps) {
  const [typed, setTyped] = useState(text);
  const [settled, setSettled] = useState(text);
  if (settled !== text) {
    // The address changed by other means: back button, "clear", a link.
    setSettled(text);
    setTyped(text);
  }
  const submit = useRef(onChange);
  useEffect(() => {
    submit.current = onChange;
  });
  useEffect(() => {
    if (typed === settled) return;
    const timer = setTimeout(() => {
      setSettled(typed);
      submit.current(typed);
    }, typingPause);
    return () => clearTimeout(timer);
  }, [typed, settled]);
  return (
    <SearchField
      inputRef={inputRef}
      label="Filter by text"
      placeholder="Filter…"
      value={typed}
      onChange={setTyped}
      end={<Kbd>/</Kbd>}
      onKeyDown={event => {
        if (event.key !== 'Escape') return;
        if (typed) setTyped('');
        else event.currentTarget.blur();
      }}
    />
  );
}
