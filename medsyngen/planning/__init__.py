"""What private training will cost and give, from public numbers alone: no scan is read."""

from medsyngen.planning.central import CentralPlan, plan_central
from medsyngen.planning.cost import Cost
from medsyngen.planning.joined import JoinedPlan, plan_joined
from medsyngen.planning.of_recipe import RecipePlan, plan_recipe
from medsyngen.planning.phantoms_only import PhantomsPlan, plan_phantoms
from medsyngen.planning.plan import Plan, plan
from medsyngen.planning.portraits import PortraitPlan, plan_portrait
from medsyngen.planning.recommend import Recommendation, recommend
from medsyngen.planning.search import Search, Setting, best_setting
from medsyngen.planning.votes import VotesPlan, plan_votes

__all__ = [
    "CentralPlan",
    "Cost",
    "JoinedPlan",
    "PhantomsPlan",
    "Plan",
    "PortraitPlan",
    "RecipePlan",
    "Recommendation",
    "Search",
    "Setting",
    "VotesPlan",
    "best_setting",
    "plan",
    "plan_central",
    "plan_joined",
    "plan_phantoms",
    "plan_portrait",
    "plan_recipe",
    "plan_votes",
    "recommend",
]
