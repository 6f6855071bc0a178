import { useRouter, type ErrorComponentProps } from '@tanstack/react-router';
import { IconMapQuestion, IconRefresh, IconRocket } from '@tabler/icons-react';
import { AppLink } from '@/kit/AppLink';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Message } from '@/kit/kit';
import { openPalette } from './paletteHost';
import { useTitle } from './title';

/** For an address that leads nowhere. */
export function NotFoundPage() {
  useTitle('Not found');
  return (
    <div className="page">
      <Message
        level={1}
        icon={IconMapQuestion}
        title="There is no such page"
        actions={
          <>
            <AppLink className="btn btn-primary" href="/catalog">
              Go to the catalog
            </AppLink>
            <button type="button" className="btn" onClick={openPalette}>
              Search
            </button>
          </>
        }
      >
        <p>
          The address may be mistyped, or what was here has been moved or removed. Look for it by
          name, or start from the catalog.
        </p>
      </Message>
    </div>
  );
}

/** After an upgrade of the server an open tab may ask for code that is gone. */
const isOutdated = (error: unknown) =>
  error instanceof Error &&
  /dynamically imported module|module script|preload/i.test(error.message);

/** For an error that a page did not handle itself. */
export function ErrorPage({ error, reset }: ErrorComponentProps) {
  useTitle('Error');
  const router = useRouter();
  if (isOutdated(error)) {
    return (
      <div className="page">
        <Message
          level={1}
          icon={IconRocket}
          title="The portal was updated"
          actions={
            <button type="button" className="btn btn-primary" onClick={() => location.reload()}>
              <IconRefresh size={15} aria-hidden />
              Reload
            </button>
          }
        >
          <p>This tab runs an older version. Reload to go on with the new one.</p>
        </Message>
      </div>
    );
  }
  return (
    <div className="page">
      <ErrorMessage
        level={1}
        error={error}
        retry={() => {
          reset();
          void router.invalidate();
        }}
      />
    </div>
  );
}
