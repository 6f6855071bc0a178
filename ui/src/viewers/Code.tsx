import { useMemo } from 'react';
import { highlight, type Language } from './highlight';
import './viewers.css';

interface CodeProps {
  text: string;
  language: Language;
  label: string;
  /** A line to point out, counted from 1. */
  mark?: number;
}

/** Colouring more than this would take the browser's breath away. */
const most = 400_000;

/** A text with line numbers and colours. */
export function Code({ text, language, label, mark }: CodeProps) {
  const lines = useMemo(
    () => highlight(text.replace(/\n$/, ''), text.length > most ? 'text' : language),
    [text, language],
  );
  return (
    // The scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="code" role="region" aria-label={label} tabIndex={0}>
      <pre>
        <code>
          {lines.map((line, at) => (
            <span key={at} className="code-line" data-mark={at + 1 === mark || undefined}>
              {line.map((token, index) =>
                token.sort ? (
                  <span key={index} className={`tok-${token.sort}`}>
                    {token.text}
                  </span>
                ) : (
                  token.text
                ),
              )}
              {'\n'}
            </span>
          ))}
        </code>
      </pre>
    </div>
  );
}
