import { createLazyRoute } from '@tanstack/react-router';
import { AuditPage } from './AuditPage';

export const Route = createLazyRoute('/admin/audit')({ component: AuditPage });
