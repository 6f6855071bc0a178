import { createLazyRoute } from '@tanstack/react-router';
import { UnprocessedPage } from './UnprocessedPage';

export const Route = createLazyRoute('/catalog-unprocessed-entities')({
  component: UnprocessedPage,
});
