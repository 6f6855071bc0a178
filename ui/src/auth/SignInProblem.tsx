import { IconAlertTriangle } from '@tabler/icons-react';
import { problemOf } from './problem';

interface SignInProblemProps {
  cause: unknown;
  /** Signs in without a window; offered where the window was what failed. */
  leave?: () => void;
}

/** Why a sign-in did not work and what to do. Stands in an element with role "alert". */
export function SignInProblem({ cause, leave }: SignInProblemProps) {
  const { title, text, advice, leave: canLeave } = problemOf(cause);
  return (
    <div className="notice">
      <IconAlertTriangle size={16} aria-hidden />
      <div className="sign-in-problem">
        <strong>{title}</strong>
        {text && <p className="sign-in-said">{text}</p>}
        <p>{advice}</p>
        {canLeave && leave && (
          <button type="button" className="btn" onClick={leave}>
            Sign in without a window
          </button>
        )}
      </div>
    </div>
  );
}
