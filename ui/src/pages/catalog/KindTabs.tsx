import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { facets } from '@/api/catalog';
import { compareKinds, kindInfo } from '@/catalog/kinds';
import { mergeOptions } from './options';
import { kindsRequest, type Viewer } from './query';
import type { CatalogState } from './state';

interface KindTabsProps {
  state: CatalogState;
  viewer: Viewer;
  onPick: (kind: string) => void;
}

/** All kinds the catalog holds, custom ones too, with their number under the filters in use. */
export function KindTabs({ state, viewer, onPick }: KindTabsProps) {
  const request = kindsRequest(state, viewer);
  const query = useQuery({
    ...facets(request ?? { facets: [] }),
    enabled: request !== undefined,
    placeholderData: before => before,
  });
  // The tabs are those of the whole catalog, so that they stay in place while filters change.
  const everything = useQuery({ ...facets({ facets: ['kind'] }), staleTime: 300_000 });
  const counts = request ? (query.data?.facets.kind ?? []) : [];
  const zeros = (everything.data?.facets.kind ?? []).map(({ value }) => ({ value, count: 0 }));
  const kinds = mergeOptions([...zeros, ...counts], state.kind === 'all' ? [] : [state.kind]).sort(
    (a, b) => compareKinds(a.value, b.value),
  );
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  const list = useRef<HTMLDivElement>(null);

  useEffect(() => {
    // On a narrow screen the chosen tab may start outside the view.
    const tab = list.current?.querySelector<HTMLElement>('[aria-current]');
    if (list.current && tab) list.current.scrollLeft = Math.max(0, tab.offsetLeft - 60);
  }, [state.kind]);

  const all = [
    ...kinds.map(({ value, count }) => ({
      kind: value.toLowerCase(),
      label: kindInfo(value).plural,
      count,
    })),
    { kind: 'all', label: 'All kinds', count: total },
  ];
  // A few of them first and the others between them later would make them jump.
  const tabs = everything.isPending ? [] : all;
  const counted = query.data !== undefined && state.text === '';
  return (
    <nav className="tabs" aria-label="Kinds">
      <div className="tabs-list" ref={list}>
        {tabs.map(({ kind, label, count }) => (
          <button
            key={kind}
            type="button"
            className="tab"
            aria-current={kind === state.kind || undefined}
            data-empty={(counted && count === 0) || undefined}
            onClick={() => onPick(kind)}
          >
            {label}
            <span
              className="tab-count num"
              data-unknown={!counted || undefined}
              aria-hidden={!counted}
            >
              {count.toLocaleString('en')}
            </span>
          </button>
        ))}
      </div>
    </nav>
  );
}
