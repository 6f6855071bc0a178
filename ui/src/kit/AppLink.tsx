import { useRouter } from '@tanstack/react-router';
import type { AnchorHTMLAttributes } from 'react';

type AppLinkProps = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'href'> & { href: string };

/**
 * A link inside the portal, given as an address. Use it where the target is data
 * (an entity, an address in a list); use the router's Link for fixed routes. New
 * tabs, modified clicks and downloads stay the browser's business.
 */
export function AppLink({ href, onClick, children, ...rest }: AppLinkProps) {
  const router = useRouter();
  const follow = (event: React.MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const plain =
      event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (event.defaultPrevented || !plain || rest.target) return;
    event.preventDefault();
    router.history.push(href);
  };
  return (
    <a {...rest} href={href} onClick={follow}>
      {children}
    </a>
  );
}
