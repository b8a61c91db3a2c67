// The local flag file, for the faces: they do not look into the rooms.
export { type FlagSetting, type FlagSummary, readFlags, setFlag } from './routing/flag-file.ts';
