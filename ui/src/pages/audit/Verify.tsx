import { IconAlertTriangle, IconCircleCheck, IconShieldCheck } from '@tabler/icons-react';
import { useState } from 'react';
import { verifyAudit, type Verification } from '@/api/audit';
import { CopyButton } from '@/kit/CopyButton';

/** Checks that the log is what was written, and says what came of it. */
export function Verify() {
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<Verification>();
  const [failure, setFailure] = useState<string>();
  const verify = async () => {
    setBusy(true);
    setFailure(undefined);
    try {
      setResult(await verifyAudit());
    } catch (cause) {
      setResult(undefined);
      setFailure((cause as Error).message);
    }
    setBusy(false);
  };
  return (
    <section className="audit-verify" aria-label="Integrity">
      <p className="muted">
        Every event carries the hash of the one before it, so that nothing can be changed or removed
        unnoticed.
      </p>
      <button type="button" className="btn" disabled={busy} onClick={() => void verify()}>
        <IconShieldCheck size={15} aria-hidden />
        {busy ? 'Verifying…' : 'Verify'}
      </button>
      <div role="status" className="audit-verdict">
        {result && <Result {...result} />}
        {failure && <p className="notice">Not verified: {failure}</p>}
      </div>
    </section>
  );
}

function Result({ ok, checked, first, unsealed, head, problem }: Verification) {
  if (!ok) {
    return (
      <div className="notice">
        <IconAlertTriangle size={17} stroke={1.7} aria-hidden />
        <div>
          <strong>The log is not what was written.</strong>
          <p>
            {problem?.seq ? `Event ${problem.seq}: ` : ''}
            {problem?.message}
          </p>
          <p className="muted">
            {checked.toLocaleString('en')} events before it are in order. Keep the database as it is
            and compare it with a backup or an export.
          </p>
        </div>
      </div>
    );
  }
  return (
    <div className="notice notice-good">
      <IconCircleCheck size={17} stroke={1.7} aria-hidden />
      <div>
        <strong>
          {checked === 0
            ? 'There is nothing to verify yet.'
            : `All ${checked.toLocaleString('en')} events are what was written.`}
        </strong>
        {first > 1 && (
          <p className="muted">
            Events before number {first.toLocaleString('en')} are past the time they are kept.
          </p>
        )}
        {unsealed > 0 && <p className="muted">{unsealed} newer ones are not in the chain yet.</p>}
        {head.hash && (
          <p className="event-hash">
            <span>Head</span> <span className="mono">{head.hash}</span>
            <CopyButton text={head.hash} what="the hash of the head" />
          </p>
        )}
      </div>
    </div>
  );
}
