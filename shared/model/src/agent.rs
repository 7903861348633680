//! Agents: who leads an interview, and how.

use crate::{
    AgentId, CefrLevel, Faults, Integer, List, Metadata, Name, PhoneNumberId, Rule, Text, View,
    field::{fields, vocabulary, where_given},
};

/// An agent as clients see it.
pub type Agent = View<AgentId, AgentFields>;

fields! {
    /// What a client sets of an agent.
    #[schemars(extend("allOf" = [
        where_given(("type", "PHONE"), "companyPhoneNumberId"),
        where_given(("focus", "LANGUAGE_TEST"), "cefrLevel"),
    ]))]
    pub struct AgentFields, patch AgentPatch {
        required {
            name: Name<2, 100>,
            r#type: AgentType,
            focus: AgentFocus,
            language: AgentLanguage,
            /// Minutes that an interview is planned to take.
            duration: Integer<1, 180>,
        }
        optional {
            /// Required of PHONE agents.
            company_phone_number_id: PhoneNumberId,
            /// Required of LANGUAGE_TEST agents.
            cefr_level: CefrLevel,
            instructions: Text<0, 2000>,
            voice_id: Voice,
            metadata: Metadata,
        }
        defaulted {
            questions: List<Text<1, 500>, 50>,
            background_sound: BackgroundSound,
        }
        together {
            has_number(r#type, company_phone_number_id);
            has_level(focus, cefr_level);
        }
    }
}

impl AgentFields {
    fn has_number(kind: &AgentType, number: &Option<PhoneNumberId>, at: &str, faults: &mut Faults) {
        if *kind == AgentType::Phone && number.is_none() {
            let at = format!("{at}/companyPhoneNumberId");
            faults.refuse::<()>(&at, Rule::Required, "is required of PHONE agents");
        }
    }

    fn has_level(focus: &AgentFocus, level: &Option<CefrLevel>, at: &str, faults: &mut Faults) {
        if *focus == AgentFocus::LanguageTest && level.is_none() {
            let at = format!("{at}/cefrLevel");
            faults.refuse::<()>(&at, Rule::Required, "is required of LANGUAGE_TEST agents");
        }
    }
}

vocabulary! {
    pub enum AgentType { Online = "ONLINE", Phone = "PHONE", }

    pub enum AgentFocus {
        Generic = "GENERIC",
        Screening = "SCREENING",
        Outreach = "OUTREACH",
        LanguageTest = "LANGUAGE_TEST",
    }

    /// The languages that agents speak.
    pub enum AgentLanguage {
        En = "EN", Ja = "JA", Zh = "ZH", De = "DE", Hi = "HI", Fr = "FR", Ko = "KO", Pt = "PT",
        It = "IT", Es = "ES", Id = "ID", Nl = "NL", Tr = "TR", Fil = "FIL", Pl = "PL", Sv = "SV",
        Bg = "BG", Ro = "RO", Ar = "AR", Cs = "CS", El = "EL", Fi = "FI", Hr = "HR", Ms = "MS",
        Sk = "SK", Da = "DA", Ta = "TA", Uk = "UK", Ru = "RU", Hu = "HU", No = "NO", Vi = "VI",
    }

    pub enum Voice {
        Alex = "ALEX",
        Peter = "PETER",
        Miriam = "MIRIAM",
        Sue = "SUE",
        Viera = "VIERA",
        Casandra = "CASANDRA",
        Silvia = "SILVIA",
        Michael = "MICHAEL",
        Luke = "LUKE",
        Emma = "EMMA",
        Sarah = "SARAH",
        Eva = "EVA",
    }

    #[derive(Default)]
    pub enum BackgroundSound { #[default] Office = "OFFICE", Off = "OFF", }
}
