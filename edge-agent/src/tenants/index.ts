export { fitting, inLanguage, type LanguageSigns, languageFor, primaryOf } from './language.js'
export { type LiveTenant, TenantHost, type TenantSource } from './tenant-host.js'
