/** How the editors set text, in px; so does the static text that is shown while an editor's code loads. */
export const TEXT_METRICS = {
  fontSize: 13,
  lineHeight: 20,
  padding: { top: 8, bottom: 8 },
} as const;
