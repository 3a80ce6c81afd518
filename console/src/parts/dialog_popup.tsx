import { AlertDialog } from "@base-ui/react/alert-dialog";
import { Dialog as Base } from "@base-ui/react/dialog";
import { type ReactNode, useState } from "react";
import { Button, CloseDialog } from "./button.tsx";
import { visibleText } from "./format.ts";
import { Icon } from "./icon.tsx";
import { Keys } from "./shortcuts.tsx";

export interface DialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly description?: ReactNode;
  readonly children?: ReactNode;
  readonly size?: "small" | "large" | "full";
  /**
   * For a dialog that the reader types into: whether closing it now would lose that. Escape, the close button and a
   * `CancelButton` then ask first. A click beside such a dialog does nothing. Any other dialog closes at once by all four.
   */
  readonly unsaved?: boolean;
}

/** What `Dialog` shows. */
export function DialogPopup(
  {
    open,
    onClose,
    title,
    description,
    children,
    size = "small",
    unsaved,
  }: DialogProps,
) {
  const [isAsking, setAsking] = useState(false);
  const close = () => {
    if (unsaved === true) setAsking(true);
    else onClose();
  };
  return (
    <Base.Root
      open={open}
      onOpenChange={(next) => next || close()}
      disablePointerDismissal={unsaved !== undefined}
    >
      <Base.Portal>
        <Base.Backdrop className="dialog-backdrop" />
        <Base.Popup
          className={`dialog dialog-${size}`}
          // React would submit a form around the dialog, too.
          onSubmit={(event) => event.stopPropagation()}
        >
          <header className="dialog-head">
            <Base.Title className="dialog-title">{visibleText(title)}</Base.Title>
            <Base.Close className="button button-plain dialog-close">
              <span className="visually-hidden">Close</span>
              <span className="dialog-hint" aria-hidden="true">
                <Keys keys="Escape" />
              </span>
              <Icon name="close" />
            </Base.Close>
          </header>
          {description === undefined ? null : (
            <Base.Description className="muted" render={<div />}>
              {description}
            </Base.Description>
          )}
          <CloseDialog value={close}>{children}</CloseDialog>
          <DiscardQuestion
            open={isAsking}
            onKeep={() => setAsking(false)}
            onDiscard={() => {
              setAsking(false);
              onClose();
            }}
          />
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

/** Asks before a dialog closes with what was typed into it. Escape keeps it. */
function DiscardQuestion({ open, onKeep, onDiscard }: {
  readonly open: boolean;
  readonly onKeep: () => void;
  readonly onDiscard: () => void;
}) {
  return (
    <AlertDialog.Root open={open} onOpenChange={(next) => next || onKeep()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="dialog-backdrop dialog-question" forceRender />
        <AlertDialog.Popup className="dialog dialog-small dialog-question">
          <AlertDialog.Title className="dialog-title">Discard what you entered?</AlertDialog.Title>
          <AlertDialog.Description>It has not been saved.</AlertDialog.Description>
          <div className="actions">
            <Button onClick={onKeep}>
              Keep editing <Keys keys="Escape" />
            </Button>
            <Button look="danger" onClick={onDiscard}>Discard</Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
