import { createLazyRoute } from '@tanstack/react-router';
import { ConsentPage } from './ConsentPage';

export const Route = createLazyRoute('/oauth2/authorize/$sessionId')({ component: ConsentPage });
