//! The attributes that policies may look at: one table, which the shipped schema must equal (a test holds it).

/// On which of the three parts of a request an attribute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Part {
    /// `principal`.
    Principal,
    /// `resource`.
    Resource,
    /// `context`.
    Context,
}

/// The type of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Long,
    Text,
    Texts,
}

macro_rules! attributes {
    ($($part:ident . $name:literal: $type:ident = $variant:ident,)*) => {
        /// An attribute, or one of the three entities of a request where a policy names it as a whole.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Attribute {
            /// The identity itself: the URI of its certificate.
            Identity,
            /// The action itself.
            Action,
            /// What is asked for, itself: the body's code, or `platform`.
            Target,
            $($variant,)*
        }

        impl Attribute {
            /// Every attribute of the schema.
            pub(crate) const ALL: &'static [Attribute] = &[$(Attribute::$variant,)*];

            /// Where it stands, its name there and its type; `None` for the entities themselves.
            pub(crate) fn place(self) -> Option<(Part, &'static str, Type)> {
                match self {
                    Self::Identity | Self::Action | Self::Target => None,
                    $(Self::$variant => Some((Part::$part, $name, Type::$type)),)*
                }
            }

            /// The name in policies, e.g. `context.minute`.
            pub(crate) fn path(self) -> &'static str {
                match self {
                    Self::Identity => "principal",
                    Self::Action => "action",
                    Self::Target => "resource",
                    $(Self::$variant => attributes!(@path $part $name),)*
                }
            }
        }
    };
    (@path Principal $name:literal) => { concat!("principal.", $name) };
    (@path Resource $name:literal) => { concat!("resource.", $name) };
    (@path Context $name:literal) => { concat!("context.", $name) };
}

attributes! {
    Principal."kind": Text = Kind,
    Principal."name": Text = Name,
    Principal."body": Text = OwnBody,
    Principal."home": Bool = Home,
    Principal."record": Text = Record,
    Principal."roles": Texts = Roles,
    Principal."department": Text = Department,
    Principal."affairs": Texts = Affairs,
    Principal."contract": Text = Contract,
    Principal."contract_days_left": Long = ContractDaysLeft,
    Principal."training_age_days": Long = TrainingAgeDays,
    Resource."body": Text = TargetBody,
    Resource."affair": Text = Affair,
    Resource."department": Text = OwningDepartment,
    Resource."datasets": Texts = Datasets,
    Resource."label_scheme": Text = LabelScheme,
    Resource."label_level": Text = LabelLevel,
    Resource."mode": Text = Mode,
    Resource."approved": Bool = Approved,
    Resource."trial_person": Bool = TrialPerson,
    Context."effect": Text = Effect,
    Context."affair_held": Bool = AffairHeld,
    Context."same_department": Bool = SameDepartment,
    Context."device": Text = Device,
    Context."device_listed": Bool = DeviceListed,
    Context."device_health": Text = DeviceHealth,
    Context."device_in_zone": Bool = DeviceInZone,
    Context."zone": Text = Zone,
    Context."minute": Long = Minute,
    Context."weekday": Long = Weekday,
    Context."ticket": Text = Ticket,
    Context."ticket_id": Text = TicketId,
    Context."ticket_device": Bool = TicketDevice,
    Context."requests_in_minute": Long = RequestsInMinute,
    Context."persons_in_ten_minutes": Long = PersonsInTenMinutes,
    Context."factors_shown": Long = FactorsShown,
    Context."factor_kinds": Long = FactorKinds,
    Context."proxy": Text = Proxy,
    Context."proxy_affair": Bool = ProxyAffair,
    Context."proxy_function": Bool = ProxyFunction,
}

impl Attribute {
    /// The attribute of this name on this part.
    pub(crate) fn find(part: Part, name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|attribute| attribute.place().is_some_and(|(on, own, _)| on == part && own == name))
    }
}
