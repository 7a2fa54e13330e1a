export { type AdmissionConfig, createAdmission } from './admission.js'
