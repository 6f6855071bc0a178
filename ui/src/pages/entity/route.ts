import { createLazyRoute } from '@tanstack/react-router';
import { EntityPage } from './EntityPage';

export const Route = createLazyRoute('/catalog/$namespace/$kind/$name/{-$tab}')({
  component: EntityPage,
});
