import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { useTitle } from '@/app/title';
import { useIdentity } from '@/app/UserMenu';
import { AppLink } from '@/kit/AppLink';
import { ExplainTab } from './ExplainTab';
import { InForceTab } from './InForceTab';
import { SeesTab } from './SeesTab';
import { addressOf, readState, tabs, writeState, type PolicyState } from './state';
import { ViewersTab } from './ViewersTab';
import '@/pages/entity/entity.css';
import '@/pages/why/why.css';
import './policy.css';

export interface TabProps {
  state: PolicyState;
  /** Whose eyes: the user of the address, else one's own. */
  user: string;
  change: (next: Partial<PolicyState>) => void;
}

/** What the policy lets people see and do, and why. The question stands in the address. */
export function PolicyPage() {
  useTitle('Policy');
  const raw = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const state = useMemo(() => readState(raw), [raw]);
  const identity = useIdentity();
  const change = useCallback(
    (next: Partial<PolicyState>) =>
      void navigate({
        to: '/admin/policy',
        search: writeState({ ...state, page: 1, ...next }) as never,
      }),
    [navigate, state],
  );
  const props = { state, change, user: state.user || identity?.userEntityRef || '' };
  return (
    <div className="page policy">
      <header className="page-head">
        <h1>Policy</h1>
      </header>
      <nav className="tabs" aria-label="Sections">
        <div className="tabs-list">
          {tabs.map(({ id, label }) => (
            <AppLink
              key={id}
              className="tab"
              href={addressOf({ ...state, tab: id, page: 1 })}
              aria-current={id === state.tab ? 'page' : undefined}
            >
              {label}
            </AppLink>
          ))}
        </div>
      </nav>
      <div className="policy-body">
        {state.tab === 'sees' && <SeesTab {...props} />}
        {state.tab === 'viewers' && <ViewersTab {...props} />}
        {state.tab === 'explain' && <ExplainTab {...props} />}
        {state.tab === 'policy' && <InForceTab />}
      </div>
    </div>
  );
}
