import { Dialog as Base } from "@base-ui/react/dialog";
import type { ReactNode } from "react";
import { Icon } from "./icon.tsx";
import { visibleText } from "./visible_text.ts";

export interface DialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly description?: ReactNode;
  readonly children?: ReactNode;
  readonly size?: "small" | "large" | "full";
  /** Keeps the dialog open on Escape and on a click beside it, as for one with typed text. */
  readonly sticky?: boolean;
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
    sticky = false,
  }: DialogProps,
) {
  return (
    <Base.Root
      open={open}
      onOpenChange={(next, { reason }) => {
        if (!next && !(sticky && reason === "escape-key")) onClose();
      }}
      disablePointerDismissal={sticky}
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
            <Base.Close
              className="button button-plain button-icon"
              aria-label="Close"
            >
              <Icon name="close" />
            </Base.Close>
          </header>
          {description === undefined ? null : (
            <Base.Description className="muted" render={<div />}>
              {description}
            </Base.Description>
          )}
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
