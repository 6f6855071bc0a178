import { IconCircleCheck, IconCircleX, IconFilter, type Icon } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { Condition, Result, Source, Verdict } from '@/api/policy';

const looks: Record<Result, { icon: Icon; tone: string; word: string }> = {
  ALLOW: { icon: IconCircleCheck, tone: 'good', word: 'Allowed' },
  DENY: { icon: IconCircleX, tone: 'bad', word: 'Denied' },
  CONDITIONAL: { icon: IconFilter, tone: 'wait', word: 'Under conditions' },
};

export const resultWord = (result: Result) => looks[result].word;

/** A decision in a word, with a sign that does not depend on colour. */
export function ResultBadge({ result }: { result: Result }) {
  const { icon: Glyph, tone, word } = looks[result];
  return (
    <span className="result" data-tone={tone}>
      <Glyph size={15} stroke={1.8} aria-hidden />
      {word}
    </span>
  );
}

interface AnswerProps {
  result: Result;
  title: string;
  reason: string;
  source: Source | null;
  children?: ReactNode;
}

/** The answer to a question: the result, why, and the line that decided. */
export function Answer({ result, title, reason, source, children }: AnswerProps) {
  const { icon: Glyph, tone } = looks[result];
  return (
    <section className="panel verdict" data-tone={tone} aria-label="Answer">
      <Glyph size={22} stroke={1.7} aria-hidden />
      <div>
        <h2>{title}</h2>
        <p className="verdict-text">{reason}</p>
        <SourceLine source={source} />
        {children}
      </div>
    </section>
  );
}

/** File and line of a statement. */
export function SourceLine({ source }: { source: Source | null }) {
  if (!source?.file) return null;
  return (
    <p className="mono source-line" title={source.statement}>
      {source.line ? `${source.file}:${source.line}` : source.file}
    </p>
  );
}

/** A parameter's value, in one line. */
function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(String).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function Rule({ rule, params }: { rule: string; params?: Record<string, unknown> }) {
  return (
    <span className="rule">
      <span className="mono">{rule}</span>
      {Object.entries(params ?? {}).map(([name, value]) => (
        <span key={name} className="rule-param">
          {name}: <span className="mono">{valueText(value)}</span>
        </span>
      ))}
    </span>
  );
}

const words = { allOf: 'All of', anyOf: 'Any of', not: 'Not' } as const;
const empty = { allOf: 'always', anyOf: 'never', not: '' } as const;

function Branch({ op, children }: { op: keyof typeof words; children: ReactNode[] }) {
  if (children.length === 0) return <span className="muted">{empty[op]}</span>;
  return (
    <>
      <span className="rule-op">{words[op]}</span>
      <ul className="tree">
        {children.map((child, at) => (
          <li key={at}>{child}</li>
        ))}
      </ul>
    </>
  );
}

/** A condition as it stands in the policy. */
export function ConditionTree({ condition }: { condition: Condition }) {
  const { allOf, anyOf, not, rule, params } = condition;
  if (rule) return <Rule rule={rule} params={params} />;
  const [op, list]: [keyof typeof words, Condition[]] = allOf
    ? ['allOf', allOf]
    : not
      ? ['not', [not]]
      : ['anyOf', anyOf ?? []];
  return (
    <Branch op={op}>
      {list.map((inner, at) => (
        <ConditionTree key={at} condition={inner} />
      ))}
    </Branch>
  );
}

/** A condition with its truth for one entity at every leaf. */
export function VerdictTree({ verdict }: { verdict: Verdict }) {
  const { op, rule, params, holds, children = [] } = verdict;
  const Glyph = holds ? IconCircleCheck : IconCircleX;
  return (
    <div className="verdict-node" data-holds={holds}>
      <Glyph size={16} stroke={1.8} aria-hidden />
      <span className="vh">{holds ? 'holds: ' : 'does not hold: '}</span>
      <div>
        {op ? (
          <Branch op={op as keyof typeof words}>
            {children.map((child, at) => (
              <VerdictTree key={at} verdict={child} />
            ))}
          </Branch>
        ) : (
          <Rule rule={rule ?? ''} params={params} />
        )}
      </div>
    </div>
  );
}
