import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import type { QueryPage } from '@/api/types';
import { Kbd } from '@/kit/kit';
import { pageSizes, refine, type CatalogState } from './state';

interface PagerProps {
  state: CatalogState;
  data: QueryPage | undefined;
  stale: boolean;
  onChange: (state: CatalogState) => void;
  /** Called when a page is likely to be asked for next. */
  onPeek: (state: CatalogState) => void;
}

/** Which rows these are, of how many, and the way to the others. */
export function Pager({ state, data, stale, onChange, onPeek }: PagerProps) {
  const { nextCursor, prevCursor } = data?.pageInfo ?? {};
  const next = nextCursor ? { ...state, cursor: nextCursor, page: state.page + 1 } : undefined;
  const previous =
    state.page <= 2
      ? state.cursor && refine(state, {})
      : prevCursor && { ...state, cursor: prevCursor, page: state.page - 1 };
  const first = (state.page - 1) * state.limit + 1;
  const last = first + (data?.items.length ?? 0) - 1;
  const number = (value: number) => value.toLocaleString('en');
  return (
    <footer className="pager">
      <p className="pager-keys" aria-hidden>
        <Kbd>J</Kbd>
        <Kbd>K</Kbd> move <Kbd>↵</Kbd> open <Kbd>S</Kbd> star
      </p>
      <label className="pager-size">
        <span>Rows</span>
        <select
          value={state.limit}
          onChange={event => onChange(refine(state, { limit: Number(event.target.value) }))}
        >
          {pageSizes.map(size => (
            <option key={size}>{size}</option>
          ))}
        </select>
      </label>
      <p className="num" role="status">
        {data && `${number(first)}–${number(last)} of ${number(data.totalItems)}`}
      </p>
      <span className="pager-buttons">
        <button
          type="button"
          className="btn"
          aria-label="Previous page"
          disabled={!previous || stale}
          onClick={() => previous && onChange(previous)}
        >
          <IconChevronLeft size={16} aria-hidden />
        </button>
        <button
          type="button"
          className="btn"
          aria-label="Next page"
          disabled={!next || stale}
          onPointerEnter={() => next && onPeek(next)}
          onFocus={() => next && onPeek(next)}
          onClick={() => next && onChange(next)}
        >
          <IconChevronRight size={16} aria-hidden />
        </button>
      </span>
    </footer>
  );
}
