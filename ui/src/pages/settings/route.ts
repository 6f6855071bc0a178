import { createLazyRoute } from '@tanstack/react-router';
import { SettingsPage } from './SettingsPage';

export const Route = createLazyRoute('/settings')({ component: SettingsPage });
