import { useNavigate, useSearch } from '@tanstack/react-router';
import { IconDownload } from '@tabler/icons-react';
import { useMemo } from 'react';
import { stringify } from 'yaml';
import type { Entity } from '@/api/types';
import { CopyButton } from '@/kit/CopyButton';
import { Segmented } from '@/kit/kit';
import { Code } from '@/viewers/Code';

/** The order in which people write an entity. */
function inOrder({ apiVersion, kind, metadata, spec, ...rest }: Entity) {
  const { name, namespace, title, description, labels, annotations, tags, links, ...more } =
    metadata;
  const known = { name, namespace, title, description, labels, annotations, tags, links };
  return { apiVersion, kind, metadata: { ...known, ...more }, spec, ...rest };
}

/** The entity as the API gives it, to read, copy and download. */
export default function RawTab({ entity }: { entity: Entity }) {
  const raw = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const format = raw.format === 'json' ? 'json' : 'yaml';
  const text = useMemo(() => {
    const ordered = inOrder(entity);
    return format === 'json'
      ? JSON.stringify(ordered, null, 2)
      : stringify(JSON.parse(JSON.stringify(ordered)), { lineWidth: 0 });
  }, [entity, format]);
  const href = useMemo(() => `data:text/plain;charset=utf-8,${encodeURIComponent(text)}`, [text]);
  return (
    <section aria-label="Source">
      <div className="tab-head">
        <Segmented
          label="Format"
          value={format}
          options={[
            { value: 'yaml', label: 'YAML' },
            { value: 'json', label: 'JSON' },
          ]}
          onChange={value =>
            void navigate({
              to: '.',
              search: { ...raw, format: value === 'json' ? value : undefined } as never,
              replace: true,
            })
          }
        />
        <span className="tab-head-end">
          <CopyButton text={text} what="the source" label="Copy" />
          <a className="btn" href={href} download={`${entity.metadata.name}.${format}`}>
            <IconDownload size={15} stroke={1.7} aria-hidden />
            Download
          </a>
        </span>
      </div>
      <Code text={text} language={format} label={`${entity.metadata.name} as ${format}`} />
    </section>
  );
}
