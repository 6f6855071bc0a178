import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useEffect, useState } from 'react';

interface CopyButtonProps {
  text: string;
  /** What is copied, as it completes "Copy …". */
  what: string;
  /** Shown beside the icon; without it the button is only an icon. */
  label?: string;
}

/** Copies a text and says so for a moment. */
export function CopyButton({ text, what, label }: CopyButtonProps) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1600);
    return () => clearTimeout(timer);
  }, [copied]);
  const Glyph = copied ? IconCheck : IconCopy;
  return (
    <button
      type="button"
      className={label ? 'btn' : 'icon-btn icon-btn-small'}
      aria-label={label ? undefined : `Copy ${what}`}
      title={`Copy ${what}`}
      onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}
    >
      <Glyph size={label ? 15 : 14} stroke={1.7} aria-hidden />
      {label && <span>{copied ? 'Copied' : label}</span>}
      <span className="vh" role="status">
        {copied ? 'Copied' : ''}
      </span>
    </button>
  );
}
