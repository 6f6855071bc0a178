import { useQuery } from '@tanstack/react-query';
import { IconChevronDown, IconList, IconTopologyRing2 } from '@tabler/icons-react';
import { kindsModel } from '@/api/entity';
import { compareKinds, kindInfo } from '@/catalog/kinds';
import { relationHeading } from '@/catalog/relations';
import { Segmented } from '@/kit/kit';
import { Popover } from '@/kit/Popover';
import { depths, directions, type Direction, type GraphState } from './state';

interface GraphControlsProps {
  state: GraphState;
  onChange: (state: GraphState) => void;
}

/** What of the relations is shown, and how. */
export function GraphControls({ state, onChange }: GraphControlsProps) {
  const { data } = useQuery(kindsModel());
  const kinds = (data?.kinds ?? []).map(({ kind }) => kind).sort(compareKinds);
  const relations = data?.relations ?? [];
  const labels = Object.fromEntries(relations.map(({ type, label }) => [type, label]));
  const set = (change: Partial<GraphState>) => onChange({ ...state, ...change });
  return (
    <>
      <label>
        Depth
        <select
          className="select num"
          value={depths.includes(state.depth) ? state.depth : depths[depths.length - 1]}
          onChange={event => set({ depth: Number(event.target.value) })}
        >
          {depths.map(depth => (
            <option key={depth} value={depth}>
              {depth === 20 ? 'All' : depth}
            </option>
          ))}
        </select>
      </label>
      <Choice
        label="Kinds"
        options={kinds.map(kind => [kind.toLowerCase(), kindInfo(kind).plural])}
        chosen={state.kinds}
        onChange={chosen => set({ kinds: chosen })}
      />
      <Choice
        label="Relations"
        options={relations.map(({ type }) => [type, relationHeading(type, labels)])}
        chosen={state.relations}
        onChange={chosen => set({ relations: chosen })}
      />
      <Popover
        label="Drawing"
        trigger={props => (
          <button {...props} type="button" className="btn">
            Drawing
            <IconChevronDown size={14} aria-hidden />
          </button>
        )}
      >
        {() => (
          <div className="check-list">
            {directions.map(({ value, label }) => (
              <label key={value}>
                <input
                  type="radio"
                  name="direction"
                  checked={state.direction === value}
                  onChange={() => set({ direction: value as Direction })}
                />
                {label}
              </label>
            ))}
            <div className="menu-sep" />
            <label>
              <input
                type="checkbox"
                checked={state.merge}
                onChange={event => set({ merge: event.target.checked })}
              />
              One line for both directions
            </label>
            <label>
              <input
                type="checkbox"
                checked={state.unidirectional}
                disabled={!state.merge}
                onChange={event => set({ unidirectional: event.target.checked })}
              />
              Name only one direction
            </label>
          </div>
        )}
      </Popover>
      <div className="graph-bar-end">
        <Segmented
          label="Shown as"
          value={state.view}
          options={[
            { value: 'picture', label: 'Graph', icon: IconTopologyRing2 },
            { value: 'list', label: 'List', icon: IconList },
          ]}
          onChange={view => set({ view })}
        />
      </div>
    </>
  );
}

interface ChoiceProps {
  label: string;
  options: [value: string, label: string][];
  chosen: string[];
  onChange: (chosen: string[]) => void;
}

/** Several of many; none chosen means all. */
function Choice({ label, options, chosen, onChange }: ChoiceProps) {
  return (
    <Popover
      label={label}
      trigger={props => (
        <button
          {...props}
          type="button"
          className="facet-btn"
          data-active={chosen.length > 0 || undefined}
        >
          {label}
          {chosen.length > 0 && <span className="facet-value num">{chosen.length}</span>}
          <IconChevronDown size={14} aria-hidden />
        </button>
      )}
    >
      {() => (
        <div className="check-list">
          {options.map(([value, text]) => (
            <label key={value}>
              <input
                type="checkbox"
                checked={chosen.includes(value)}
                onChange={event =>
                  onChange(
                    event.target.checked
                      ? [...chosen, value]
                      : chosen.filter(other => other !== value),
                  )
                }
              />
              {text}
            </label>
          ))}
          {chosen.length > 0 && (
            <button type="button" className="menu-item" onClick={() => onChange([])}>
              <span>Show all</span>
            </button>
          )}
        </div>
      )}
    </Popover>
  );
}
