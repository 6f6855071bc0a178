/** Something is on its way; the place it will take is kept. */
export function Waiting({ text }: { text: string }) {
  return (
    <div className="panel import-waiting" role="status">
      <p className="muted">{text}</p>
      <div className="sk-live">
        <span className="sk" style={{ width: '52%' }} />
        <span className="sk" style={{ width: '38%' }} />
        <span className="sk" style={{ width: '45%' }} />
      </div>
    </div>
  );
}
