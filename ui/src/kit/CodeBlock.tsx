/** A short piece of code or data; scrolls, also by keyboard, when it does not fit. */
export function CodeBlock({ children }: { children: string }) {
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <pre className="code-block" tabIndex={0}>
      {children}
    </pre>
  );
}
