import { useEffect } from 'react';
import { boot } from './services';

/** Sets the document's title to "<page> · <portal>". */
export function useTitle(page: string) {
  useEffect(() => {
    document.title = `${page} · ${boot.config.app.title}`;
  }, [page]);
}
