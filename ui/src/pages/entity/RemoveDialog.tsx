import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { useState } from 'react';
import { byQuery, canonicalSearch } from '@/api/catalog';
import { deleteEntity, deleteLocation, locationOf } from '@/api/entity';
import { useMay, useMayOn } from '@/api/permission';
import type { Entity } from '@/api/types';
import { formatRef, refOf, titleOf } from '@/catalog/ref';
import { Dialog } from '@/kit/Dialog';
import { isOrphan, originOf } from './origin';

/** Everything that the same registration brought. */
function brought(origin: string) {
  const key = 'metadata.annotations.backstage.io/managed-by-origin-location';
  return byQuery({
    search: canonicalSearch([
      ['fields', 'kind,metadata.name,metadata.namespace'],
      ['filter', `${key}=${origin}`],
      ['limit', '8'],
    ]),
  });
}

/** Asks before an entity or its location goes, and says what will come back. */
export function RemoveDialog({ entity, onClose }: { entity: Entity; onClose: () => void }) {
  const router = useRouter();
  const client = useQueryClient();
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);
  const { origin = '', location: file } = originOf(entity);
  const registered = useQuery(locationOf(origin));
  const others = useQuery({ ...brought(origin), enabled: Boolean(registered.data) });
  const name = titleOf(entity);
  const mayDelete = useMayOn(formatRef(refOf(entity))).delete !== false;
  const mayUnregister = useMay()('catalog.location.delete') !== false;

  const remove = async (act: () => Promise<void>) => {
    setBusy(true);
    try {
      await act();
      // Away first: what is shown here cannot be asked again.
      onClose();
      router.history.push('/catalog');
      client.removeQueries({ queryKey: ['entity', formatRef(refOf(entity))], type: 'inactive' });
      await client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'entity' });
    } catch (cause) {
      setFailure((cause as Error).message);
      setBusy(false);
    }
  };
  const uid = entity.metadata.uid;
  const removeEntity = uid && (
    <button
      type="button"
      className={registered.data ? 'btn' : 'btn btn-danger'}
      disabled={busy || !mayDelete}
      onClick={() => void remove(() => deleteEntity(uid))}
    >
      {registered.data ? 'Delete only this entity' : 'Delete this entity'}
    </button>
  );
  const location = registered.data;
  return (
    <Dialog
      title={`Remove ${name}?`}
      onClose={onClose}
      actions={
        <>
          <button type="button" className="btn btn-quiet" onClick={onClose}>
            Cancel
          </button>
          {registered.isPending ? null : removeEntity}
          {location && (
            <button
              type="button"
              className="btn btn-danger"
              disabled={busy || !mayUnregister}
              onClick={() => void remove(() => deleteLocation(location.id))}
            >
              Unregister the location
            </button>
          )}
        </>
      }
    >
      {registered.isPending ? (
        <p>Looking up where it comes from…</p>
      ) : location ? (
        <>
          <p>
            It came through the registered location <code>{location.target}</code>.
          </p>
          <p>
            <strong>Unregister the location</strong> removes it
            {others.data && others.data.totalItems > 1
              ? ` and everything else that came with it: ${others.data.totalItems} entities in all.`
              : ' and everything that only came with it.'}{' '}
            It does not come back unless somebody registers it again. The file itself is not
            touched.
          </p>
          <p>
            <strong>Delete only this entity</strong> takes it out until the location is read the
            next time: if the file still describes it, it comes back.
          </p>
        </>
      ) : isOrphan(entity) ? (
        <p>No location lists it any more, so once deleted it does not come back.</p>
      ) : (
        <p>
          {file ? (
            <>
              It comes from <code>{file}</code>, which stands in the configuration or is brought by
              a provider.
            </>
          ) : (
            'It was brought by a provider or pushed.'
          )}{' '}
          Deleting takes it out until its source is read the next time; then it comes back, unless
          it is gone there too. To remove it for good, remove it from its source.
        </p>
      )}
      {!registered.isPending && (!mayDelete || (location && !mayUnregister)) && (
        <p className="muted">
          {!mayDelete && (!location || !mayUnregister)
            ? 'The policy of this portal does not let you remove it.'
            : mayDelete
              ? 'The policy of this portal does not let you unregister locations.'
              : 'The policy of this portal does not let you delete entities.'}
        </p>
      )}
      {failure && (
        <div className="notice" role="alert">
          {failure}
        </div>
      )}
    </Dialog>
  );
}
