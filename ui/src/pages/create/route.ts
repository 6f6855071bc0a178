import { createLazyRoute } from '@tanstack/react-router';
import { CreatePage } from './CreatePage';

export const Route = createLazyRoute('/create')({ component: CreatePage });
