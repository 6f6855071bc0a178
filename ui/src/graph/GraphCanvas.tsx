import { useRouter } from '@tanstack/react-router';
import { IconMaximize, IconMinus, IconPlus } from '@tabler/icons-react';
import { useId, useMemo, useState } from 'react';
import type { Graph, GraphEdge, GraphNode } from '@/api/entity';
import { entityPath, parseRef } from '@/catalog/ref';
import { kindInfo } from '@/catalog/kinds';
import { lineLabel, lineNames, lineSort, type LineSort } from './lines';
import { useViewport } from './useViewport';
import { curve, middle, reveal } from './viewport';
import './graph.css';

interface GraphCanvasProps {
  graph: Graph;
  label: string;
  /** A small picture inside a page: no wheel, no drag, no controls. */
  quiet?: boolean;
  /** What a click on a node does instead of opening its page. */
  onPick?: (ref: string) => void;
}

/** The relations as a picture; places and lines come from the server. */
export default function GraphCanvas({ graph, label, quiet, onPick }: GraphCanvasProps) {
  const viewport = useViewport({ picture: graph, still: quiet });
  const [active, setActive] = useState<string>();
  const vertical = graph.direction === 'TB' || graph.direction === 'BT';
  const { view, size } = viewport;
  const near = useMemo(() => {
    if (!active) return undefined;
    const ends = graph.edges.filter(({ from, to }) => from === active || to === active);
    return new Set([active, ...ends.flatMap(({ from, to }) => [from, to])]);
  }, [active, graph.edges]);
  const touches = ({ from, to }: GraphEdge) => from === active || to === active;
  const marker = useId();

  return (
    <div className="graph" data-quiet={quiet || undefined}>
      {/* The canvas takes the arrow keys; its nodes are links. */}
      <div
        className="graph-canvas"
        ref={viewport.root}
        role="group"
        aria-label={label}
        tabIndex={quiet ? undefined : 0}
        data-dragging={viewport.dragging || undefined}
        onKeyDown={quiet ? undefined : viewport.onKeyDown}
        {...viewport.handlers}
      >
        <svg width={size.width} height={size.height} data-active={active ? '' : undefined}>
          <Arrows id={marker} />
          <g transform={`scale(${view.scale}) translate(${-view.x} ${-view.y})`}>
            {graph.edges.map((edge, at) => (
              <Line
                key={at}
                edge={edge}
                vertical={vertical}
                on={touches(edge)}
                marker={marker}
                labelled={graph.edges.length <= 12 && !quiet}
              />
            ))}
            {graph.nodes.map(node => (
              <Node
                key={node.ref}
                node={node}
                near={!near || near.has(node.ref)}
                blocked={viewport.dragging}
                onActive={setActive}
                onFocus={() => !quiet && viewport.change(before => reveal(before, node, size))}
                onPick={onPick}
              />
            ))}
          </g>
        </svg>
      </div>
      {!quiet && (
        <>
          <Legend edges={graph.edges} />
          <div className="graph-tools">
            <button
              type="button"
              className="icon-btn"
              aria-label="Zoom in"
              title="Zoom in (+)"
              onClick={() => viewport.zoomBy(1.25)}
            >
              <IconPlus size={16} aria-hidden />
            </button>
            <button
              type="button"
              className="icon-btn"
              aria-label="Zoom out"
              title="Zoom out (−)"
              onClick={() => viewport.zoomBy(0.8)}
            >
              <IconMinus size={16} aria-hidden />
            </button>
            <button
              type="button"
              className="icon-btn"
              aria-label="Show all"
              title="Show all (0)"
              onClick={viewport.fitAll}
            >
              <IconMaximize size={16} aria-hidden />
            </button>
          </div>
        </>
      )}
    </div>
  );
}

const sorts: readonly LineSort[] = ['dependency', 'api', 'part', 'owner', 'other'];

function Arrows({ id }: { id: string }) {
  return (
    <defs>
      {sorts.map(sort => (
        <marker
          key={sort}
          id={`${id}${sort}`}
          viewBox="0 0 8 8"
          refX="7.5"
          refY="4"
          markerWidth="7"
          markerHeight="7"
          orient="auto"
        >
          <path d="M0.5 0.8L7.5 4L0.5 7.2" className="line-head" data-sort={sort} />
        </marker>
      ))}
    </defs>
  );
}

interface LineProps {
  edge: GraphEdge;
  vertical: boolean;
  on: boolean;
  marker: string;
  labelled: boolean;
}

function Line({ edge, vertical, on, marker, labelled }: LineProps) {
  const sort = lineSort(edge.relations);
  const at = middle(edge.points);
  return (
    <g className="line" data-sort={sort} data-on={on || undefined}>
      <path d={curve(edge.points, vertical)} markerEnd={`url(#${marker}${sort})`} />
      {(on || labelled) && (
        <text x={at.x} y={at.y - 4} textAnchor="middle" aria-hidden>
          {lineLabel(edge.relations)}
        </text>
      )}
    </g>
  );
}

const shorten = (text: string, room: number) =>
  text.length > room ? `${text.slice(0, Math.floor(room) - 1)}…` : text;

interface NodeProps {
  node: GraphNode;
  near: boolean;
  blocked: boolean;
  onActive: (ref: string | undefined) => void;
  onFocus: () => void;
  onPick?: (ref: string) => void;
}

function Node({ node, near, blocked, onActive, onFocus, onPick }: NodeProps) {
  const router = useRouter();
  const { icon: Glyph, label } = kindInfo(node.kind ?? '');
  const name = node.title || node.name || node.ref;
  const href = entityPath(parseRef(node.ref));
  const open = (event: React.MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    if (blocked) return;
    if (onPick) onPick(node.ref);
    else router.history.push(href);
  };
  const left = node.x - node.width / 2;
  const top = node.y - node.height / 2;
  const shortName = shorten(name, (node.width - 46) / 6.6);
  const more = node.more ? `+${node.more}` : '';
  const sub = node.found
    ? shorten(node.type ?? '', (node.width - 50 - more.length * 7) / 6)
    : 'missing';
  return (
    <a
      href={href}
      className="node"
      data-root={node.root || undefined}
      data-missing={!node.found || undefined}
      data-far={!near || undefined}
      draggable={false}
      onClick={open}
      onPointerEnter={() => onActive(node.ref)}
      onPointerLeave={() => onActive(undefined)}
      onFocus={() => {
        onActive(node.ref);
        onFocus();
      }}
      onBlur={() => onActive(undefined)}
    >
      <desc>{`${label} ${node.ref}`}</desc>
      <rect x={left} y={top} width={node.width} height={node.height} rx={9} />
      <Glyph x={left + 13} y={top + node.height / 2 - 8} size={16} stroke={1.6} aria-hidden />
      <text x={left + 38} y={top + (sub ? 19 : 26)} className="node-name">
        {shortName}
      </text>{' '}
      {sub && (
        <text x={left + 38} y={top + 34} className="node-sub">
          {sub}
        </text>
      )}{' '}
      {more && (
        <text x={left + node.width - 10} y={top + 34} textAnchor="end" className="node-more">
          {more}
        </text>
      )}
    </a>
  );
}

function Legend({ edges }: { edges: GraphEdge[] }) {
  const present = sorts.filter(sort => edges.some(edge => lineSort(edge.relations) === sort));
  if (present.length === 0) return null;
  return (
    <ul className="graph-legend" aria-label="Lines">
      {present.map(sort => (
        <li key={sort}>
          <svg width="22" height="8" aria-hidden>
            <g className="line" data-sort={sort}>
              <path d="M1 4H21" />
            </g>
          </svg>
          {lineNames[sort]}
        </li>
      ))}
    </ul>
  );
}
