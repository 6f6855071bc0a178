import { IconDownload } from '@tabler/icons-react';
import { useState } from 'react';
import { exportAudit } from '@/api/audit';
import { Popover } from '@/kit/Popover';

/** Offers what matches the filters as a file. */
export function Exports({ search }: { search: string }) {
  const [told, setTold] = useState<string>();
  const save = async (format: 'ndjson' | 'csv') => {
    setTold('Exporting…');
    try {
      const url = URL.createObjectURL(await exportAudit(search, format));
      const link = document.createElement('a');
      link.href = url;
      link.download = `audit-${new Date().toISOString().slice(0, 19).replace(/[:T]/g, '-')}.${format}`;
      link.click();
      URL.revokeObjectURL(url);
      setTold(undefined);
    } catch (cause) {
      setTold(`Not exported: ${(cause as Error).message}`);
      setTimeout(() => setTold(undefined), 6000);
    }
  };
  return (
    <>
      <Popover
        label="Export"
        role="menu"
        align="end"
        trigger={props => (
          <button {...props} type="button" className="btn" disabled={told === 'Exporting…'}>
            <IconDownload size={15} aria-hidden />
            Export
          </button>
        )}
      >
        {close =>
          (
            [
              ['ndjson', 'JSON, one event a line'],
              ['csv', 'CSV, for a spreadsheet'],
            ] as const
          ).map(([format, label]) => (
            <button
              key={format}
              type="button"
              role="menuitem"
              className="menu-item"
              onClick={() => {
                close();
                void save(format);
              }}
            >
              <span>{label}</span>
            </button>
          ))
        }
      </Popover>
      <div role="status" className="toast-area">
        {told && <p className="toast">{told}</p>}
      </div>
    </>
  );
}
