import { IconArrowDown, IconArrowUp, IconStar, IconStarFilled } from '@tabler/icons-react';
import { memo } from 'react';
import type { Entity } from '@/api/types';
import { KindIcon } from '@/catalog/kinds';
import { rememberVisit, toggleStar } from '@/catalog/personal';
import { entityPath, formatRef, parseRef, refOf, shortRef, titleOf } from '@/catalog/ref';
import { AppLink } from '@/kit/AppLink';
import { ProblemMark, type CellActions, type Column } from './columns';
import type { CatalogState } from './state';

interface EntityTableProps extends CellActions {
  columns: Column[];
  caption: string;
  /** undefined while the first page is on its way. */
  items: Entity[] | undefined;
  /** True while older rows are shown in place of the ones asked for. */
  stale: boolean;
  skeletonRows: number;
  starred: readonly string[];
  sort: CatalogState['sort'];
  onSort: (sort: CatalogState['sort']) => void;
}

/** The list itself; rows are links, so that opening in a new tab works as anywhere. */
export function EntityTable(props: EntityTableProps) {
  const { columns, items, sort, onSort } = props;
  return (
    <table
      className="table"
      data-stale={props.stale || undefined}
      aria-busy={!items || props.stale}
    >
      <caption className="vh">{props.caption}</caption>
      <colgroup>
        {columns.map(({ id, width }) => (
          <col key={id} className={`col-${id}`} style={{ width }} />
        ))}
        <col className="col-star" />
      </colgroup>
      <thead>
        <tr>
          {columns.map(column => (
            <HeaderCell key={column.id} column={column} sort={sort} onSort={onSort} />
          ))}
          <th scope="col" className="cell-star">
            <span className="vh">Starred</span>
          </th>
        </tr>
      </thead>
      {items ? (
        <tbody>
          {items.map(entity => {
            const ref = formatRef(refOf(entity));
            return (
              <Row
                key={ref}
                entity={entity}
                entityRef={ref}
                columns={columns}
                starred={props.starred.includes(ref)}
                pickTag={props.pickTag}
              />
            );
          })}
        </tbody>
      ) : (
        <tbody className="sk-rows">
          {Array.from({ length: props.skeletonRows }, (_, row) => (
            <tr key={row}>
              {columns.map(({ id }, at) => (
                <td key={id} className={`cell-${id}`}>
                  <span className="sk" style={{ width: `${35 + ((row * 17 + at * 29) % 45)}%` }} />
                </td>
              ))}
              <td className="cell-star" />
            </tr>
          ))}
        </tbody>
      )}
    </table>
  );
}

interface HeaderCellProps extends Pick<EntityTableProps, 'sort' | 'onSort'> {
  column: Column;
}

function HeaderCell({ column, sort, onSort }: HeaderCellProps) {
  const { id, header, sort: field } = column;
  if (!field) {
    return (
      <th scope="col" className={`cell-${id}`}>
        {header}
      </th>
    );
  }
  const active = sort.field === field;
  const Arrow = active && sort.desc ? IconArrowDown : IconArrowUp;
  return (
    <th
      scope="col"
      className={`cell-${id}`}
      aria-sort={active ? (sort.desc ? 'descending' : 'ascending') : undefined}
    >
      <button
        type="button"
        className="sort"
        data-active={active || undefined}
        onClick={() => onSort({ field, desc: active && !sort.desc })}
      >
        {header}
        <Arrow size={13} stroke={2} aria-hidden />
      </button>
    </th>
  );
}

interface RowProps extends CellActions {
  entity: Entity;
  entityRef: string;
  columns: Column[];
  starred: boolean;
}

const Row = memo(function Row({ entity, entityRef, columns, starred, pickTag }: RowProps) {
  const ref = refOf(entity);
  const title = titleOf(entity);
  const { namespace } = ref;
  const { type, owner } = entity.spec ?? {};
  const sub = [type, owner && shortRef(parseRef(owner, { kind: 'group', namespace }), 'group')];
  const Star = starred ? IconStarFilled : IconStar;
  return (
    <tr>
      {columns.map(({ id, cell }) =>
        id === 'name' ? (
          <td key={id} className="cell-name">
            <span className="name">
              <KindIcon kind={entity.kind} />
              <AppLink
                className="row-link"
                href={entityPath(ref)}
                data-ref={entityRef}
                title={title === ref.name ? undefined : entityRef}
                onClick={() => rememberVisit({ ref: entityRef, title })}
              >
                {title}
              </AppLink>
              {namespace !== 'default' && <span className="namespace">{namespace}</span>}
              <ProblemMark entity={entity} />
            </span>
            <span className="row-sub">{sub.filter(Boolean).join(' · ')}</span>
          </td>
        ) : (
          <td key={id} className={`cell-${id}`}>
            {cell(entity, { pickTag })}
          </td>
        ),
      )}
      <td className="cell-star">
        <button
          type="button"
          className="star"
          aria-pressed={starred}
          aria-label={`Star ${title}`}
          onClick={() => toggleStar(entityRef)}
        >
          <Star size={15} stroke={1.6} aria-hidden />
        </button>
      </td>
    </tr>
  );
});
