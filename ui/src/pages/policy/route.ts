import { createLazyRoute } from '@tanstack/react-router';
import { PolicyPage } from './PolicyPage';

export const Route = createLazyRoute('/admin/policy')({ component: PolicyPage });
