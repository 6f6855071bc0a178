import { createLazyRoute } from '@tanstack/react-router';
import { GraphPage } from './GraphPage';

export const Route = createLazyRoute('/catalog-graph')({ component: GraphPage });
