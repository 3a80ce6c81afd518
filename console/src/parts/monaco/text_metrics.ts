/** How the editors set text, in px; so does what stands for an editor while its code loads. */
export const TEXT_METRICS = {
  fontSize: 13,
  lineHeight: 20,
  padding: { top: 8, bottom: 8 },
} as const;
