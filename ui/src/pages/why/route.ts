import { createLazyRoute } from '@tanstack/react-router';
import { WhyPage } from './WhyPage';

export const Route = createLazyRoute('/catalog/why')({ component: WhyPage });
