export { DedupeKeys, digestOfKey } from './dedupe-keys.js'
export { decodeFrame, encodeFrame, encodeKeys, FRAME_HEADER, type LoggedKey } from './frame.js'
export { type HeadMark, openHeadMark } from './head-mark.js'
export { type JournalHost, setAside, systemHost } from './host.js'
export { type MarkFile, type Marks, openMarkFile } from './marks.js'
export { openSegments, type Start } from './open-segments.js'
export { OpenedFrames } from './opened-frames.js'
export { openPayloads, sealPayloads } from './payload.js'
export { RecentRecords } from './recent-records.js'
export { decodeRecord } from './record.js'
export { type RewriteOptions, rewriteSegment } from './rewrite.js'
export { scanSegments } from './scan-segments.js'
export {
  decodeSegmentHeader,
  emptySegment,
  SEGMENT_HEADER,
  SEGMENTS,
  type Segment,
  segmentName,
  walkFrames,
} from './segment.js'
export { SegmentWriter } from './segment-writer.js'
export { WalkedSegments } from './walked-segments.js'
