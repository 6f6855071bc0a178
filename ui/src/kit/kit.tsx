import { IconSearch, IconX, type Icon } from '@tabler/icons-react';
import mark from './mark.svg';
import type { InputHTMLAttributes, ReactNode, Ref } from 'react';

/** One key, as on the keyboard. */
export function Kbd({ children }: { children: string }) {
  return <kbd className="kbd">{children}</kbd>;
}

const mac = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** The shortcut of the command palette, as the platform writes it. */
export function PaletteKeys() {
  return (
    <span className="keys" aria-hidden>
      <Kbd>{mac ? '⌘' : 'Ctrl'}</Kbd>
      <Kbd>K</Kbd>
    </span>
  );
}

export function Mark() {
  return <img className="brand-mark" src={mark} alt="" width={22} height={22} />;
}

/** Initials of a person in a circle; pictures of others would need their server. */
export function Avatar({ name, large }: { name: string; large?: boolean }) {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  const initials = ((words[0]?.[0] ?? '?') + (words[1]?.[0] ?? '')).toUpperCase();
  return (
    <span className={large ? 'avatar avatar-large' : 'avatar'} aria-hidden>
      {initials}
    </span>
  );
}

export function Tag({ children, onClick }: { children: string; onClick?: () => void }) {
  const text = <span>{children}</span>;
  return onClick ? (
    <button type="button" className="tag" onClick={onClick} title={`Filter by ${children}`}>
      {text}
    </button>
  ) : (
    <span className="tag">{text}</span>
  );
}

interface SearchFieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'onChange'> {
  label: string;
  value: string;
  onChange: (text: string) => void;
  end?: ReactNode;
  inputRef?: Ref<HTMLInputElement>;
}

/** A text field with a magnifier; shows a clear button once there is something to clear. */
export function SearchField({ label, value, onChange, end, inputRef, ...rest }: SearchFieldProps) {
  return (
    <div className="field">
      <IconSearch size={15} stroke={1.8} aria-hidden />
      <input
        {...rest}
        ref={inputRef}
        type="search"
        aria-label={label}
        value={value}
        autoComplete="off"
        spellCheck={false}
        onChange={event => onChange(event.target.value)}
      />
      {value ? (
        <button
          type="button"
          className="icon-btn field-end"
          aria-label="Clear the text"
          onClick={() => onChange('')}
        >
          <IconX size={14} aria-hidden />
        </button>
      ) : (
        end && <span className="field-end">{end}</span>
      )}
    </div>
  );
}

interface SegmentedProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string; icon?: Icon }[];
  onChange: (value: T) => void;
}

/** One of a few choices, all visible. */
export function Segmented<T extends string>(props: SegmentedProps<T>) {
  return (
    <div className="seg" role="group" aria-label={props.label}>
      {props.options.map(({ value, label, icon: Glyph }) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === props.value}
          onClick={() => props.onChange(value)}
        >
          {Glyph && <Glyph size={15} stroke={1.7} aria-hidden />}
          {label}
        </button>
      ))}
    </div>
  );
}

interface StateProps {
  icon: Icon;
  tone?: 'red';
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
  /** The technical part, below the actions. */
  details?: ReactNode;
  /** The heading level that fits where the message stands. */
  level?: 1 | 2;
}

/** A page or panel that has no content to show: what happened and what to do next. */
export function Message({
  icon: Glyph,
  tone,
  title,
  children,
  actions,
  details,
  level = 2,
}: StateProps) {
  const Heading = level === 1 ? 'h1' : 'h2';
  return (
    <div className="state">
      <span className="state-icon" data-tone={tone}>
        <Glyph size={22} stroke={1.6} aria-hidden />
      </span>
      <Heading>{title}</Heading>
      {children}
      {actions && <div className="state-actions">{actions}</div>}
      {details && (
        <details>
          <summary>Details</summary>
          <pre>{details}</pre>
        </details>
      )}
    </div>
  );
}
