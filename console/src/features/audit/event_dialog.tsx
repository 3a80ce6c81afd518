import { useQuery } from "@tanstack/react-query";
import { JsonBlock } from "../../parts/code.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Loaded } from "../../parts/states.tsx";
import { eventQuery } from "./queries.ts";

/** All of one event. */
export function EventDialog(
  { uid, onClose }: { readonly uid: string; readonly onClose: () => void },
) {
  const query = useQuery(eventQuery(uid));
  return (
    <Dialog open onClose={onClose} title="Event" size="large">
      <Loaded query={query}>
        {(event) =>
          event === null
            ? <p>The log has no event with this uid. Its retention may have erased the event.</p>
            : <JsonBlock value={event} label="the event" />}
      </Loaded>
    </Dialog>
  );
}
