(* What follows from the laws of a field with an order: integers and rationals in it, signs, sums. *)

From Coq Require Import ZArith QArith Qreduction List Bool Field InitialRing Lia.
From Nopeproof Require Import Model.
Import ListNotations.
Open Scope nat_scope.

Section Numbers.
  Variable F : field.
  Add Field number_field : (is_field F).
  Local Open Scope number_scope.
  Implicit Types x y z : F.

  Lemma one_not_zero : (one : F) <> zero.
  Proof. exact (F_1_neq_0 (is_field F)). Qed.

  Lemma le_refl x : le x x.
  Proof. destruct (le_total F x x); assumption. Qed.

  Lemma le_opp x : le x zero -> le zero (- x).
  Proof. intro H. apply (le_add F _ _ (- x)) in H. replace (x + - x) with (zero : F) in H by ring. now replace (zero + - x) with (- x) in H by ring. Qed.

  Lemma le_square x : le zero (x * x).
  Proof.
    destruct (le_total F zero x) as [H | H]; [now apply le_mul |].
    replace (x * x) with ((- x) * (- x)) by ring. apply le_mul; now apply le_opp.
  Qed.

  Lemma le_0_1 : le zero (one : F).
  Proof. replace (one : F) with (one * one : F) by ring. apply le_square. Qed.

  Lemma le_plus x y : le zero x -> le zero y -> le zero (x + y).
  Proof. intros Hx Hy. apply (le_trans F _ y); [assumption |]. apply (le_add F _ _ y) in Hx. now replace (zero + y) with y in Hx by ring. Qed.

  Lemma le_inv x : le zero x -> x <> zero -> le zero (inv x).
  Proof. intros H N. replace (inv x) with (x * (inv x * inv x)) by (field; assumption). apply le_mul; [assumption | apply le_square]. Qed.

  Lemma cancel x y z : z <> zero -> x * z = y * z -> x = y.
  Proof. intros N H. replace x with ((x * z) * inv z) by (field; assumption). rewrite H. field; assumption. Qed.

  Lemma no_zero_divisors x y : x <> zero -> y <> zero -> x * y <> zero.
  Proof. intros Nx Ny H. apply Nx, (cancel x zero y Ny). rewrite H. ring. Qed.

  Lemma positive_plus x y : le zero x -> x <> zero -> le zero y -> x + y <> zero.
  Proof.
    intros Hx N Hy E. apply N, le_antisym; [| assumption]. apply (le_add F _ _ x) in Hy.
    replace (zero + x) with x in Hy by ring. now replace (y + x) with (zero : F) in Hy by (rewrite <- E; ring).
  Qed.

  (* The sign of a factor whose cofactor is positive. *)
  Lemma le_factor x d : le zero (x * d) -> le zero d -> d <> zero -> le zero x.
  Proof. intros H Hd N. replace x with ((x * d) * inv d) by (field; assumption). apply le_mul; [assumption | now apply le_inv]. Qed.

  (* --- integers and rationals --- *)

  Definition ring_laws : ring_theory zero one add mul sub opp (@eq F) := F_R (is_field F).
  Definition integers := gen_phiZ_morph (Eqsth F) (Eq_ext add mul opp) ring_laws.

  Lemma ofZ_0 : ofZ 0 = zero :> F. Proof. reflexivity. Qed.
  Lemma ofZ_1 : ofZ 1 = one :> F. Proof. reflexivity. Qed.
  Lemma ofZ_add a b : ofZ (a + b) = ofZ a + ofZ b :> F. Proof. exact (morph_add integers a b). Qed.
  Lemma ofZ_mul a b : ofZ (a * b) = ofZ a * ofZ b :> F. Proof. exact (morph_mul integers a b). Qed.
  Lemma ofZ_sub a b : ofZ (a - b) = ofZ a - ofZ b :> F. Proof. exact (morph_sub integers a b). Qed.
  Lemma ofZ_opp a : ofZ (- a) = - ofZ a :> F. Proof. exact (morph_opp integers a). Qed.

  Lemma ofZ_nonneg a : (0 <= a)%Z -> le zero (ofZ a : F).
  Proof.
    revert a. apply natlike_ind; [apply le_refl |]. intros a _ IH.
    rewrite <- Z.add_1_r, ofZ_add, ofZ_1. apply le_plus; [assumption | apply le_0_1].
  Qed.

  Lemma ofZ_pos p : ofZ (Zpos p) <> (zero : F).
  Proof.
    replace (Zpos p) with (1 + (Zpos p - 1))%Z by lia. rewrite ofZ_add.
    apply positive_plus; [apply le_0_1 | apply one_not_zero | apply ofZ_nonneg; lia].
  Qed.

  Lemma ofZ_not_zero a : a <> 0%Z -> ofZ a <> (zero : F).
  Proof.
    destruct a as [| p | p]; intro N; [congruence | apply ofZ_pos |].
    change (Zneg p) with (- Zpos p)%Z. rewrite ofZ_opp. intro H. apply (ofZ_pos p).
    replace (ofZ (Zpos p) : F) with (- - ofZ (Zpos p) : F) by ring. rewrite H. ring.
  Qed.

  Lemma ofQ_eq a b : Qeq a b -> ofQ a = ofQ b :> F.
  Proof.
    unfold Qeq, ofQ. intro H. pose proof (ofZ_pos (Qden a)). pose proof (ofZ_pos (Qden b)).
    apply (f_equal (ofZ (F := F))) in H. rewrite !ofZ_mul in H.
    apply (cancel _ _ (ofZ (Zpos (Qden a)) * ofZ (Zpos (Qden b)))); [now apply no_zero_divisors |].
    transitivity (ofZ (Qnum a) * ofZ (Zpos (Qden b)) : F); [field; assumption |]. rewrite H. field; assumption.
  Qed.

  Lemma ofQ_red a : ofQ (Qred a) = ofQ a :> F. Proof. apply ofQ_eq, Qred_correct. Qed.
  Lemma ofQ_Z a : ofQ (inject_Z a) = ofZ a :> F.
  Proof. unfold ofQ. cbn [Qnum Qden inject_Z]. rewrite ofZ_1. field. apply one_not_zero. Qed.
  Lemma ofQ_0 : ofQ 0 = zero :> F. Proof. exact (ofQ_Z 0). Qed.
  Lemma ofQ_1 : ofQ 1 = one :> F. Proof. exact (ofQ_Z 1). Qed.
  Lemma ofQ_add a b : ofQ (a + b) = ofQ a + ofQ b :> F.
  Proof.
    pose proof (ofZ_pos (Qden a)). pose proof (ofZ_pos (Qden b)). unfold ofQ, Qplus. cbn [Qnum Qden].
    rewrite ofZ_add, !ofZ_mul, Pos2Z.inj_mul, ofZ_mul. field. now split.
  Qed.
  Lemma ofQ_mul a b : ofQ (a * b) = ofQ a * ofQ b :> F.
  Proof.
    pose proof (ofZ_pos (Qden a)). pose proof (ofZ_pos (Qden b)). unfold ofQ, Qmult. cbn [Qnum Qden].
    rewrite ofZ_mul, Pos2Z.inj_mul, ofZ_mul. field. now split.
  Qed.
  Lemma ofQ_opp a : ofQ (- a) = - ofQ a :> F.
  Proof. unfold ofQ, Qopp. cbn [Qnum Qden]. rewrite ofZ_opp. field. apply ofZ_pos. Qed.
  Lemma ofQ_nonneg a : (0 <= Qnum a)%Z -> le zero (ofQ a : F).
  Proof.
    intro H. unfold ofQ. replace (ofZ (Qnum a) / ofZ (Zpos (Qden a))) with (ofZ (Qnum a) * inv (ofZ (Zpos (Qden a))) : F) by (field; apply ofZ_pos).
    apply le_mul; [now apply ofZ_nonneg |]. apply le_inv; [apply ofZ_nonneg; lia | apply ofZ_pos].
  Qed.
  Lemma ofQ_not_zero a : Qnum a <> 0%Z -> ofQ a <> (zero : F).
  Proof.
    intros N H. apply (ofZ_not_zero _ N). pose proof (ofZ_pos (Qden a)).
    replace (ofZ (Qnum a) : F) with (ofQ a * ofZ (Zpos (Qden a)) : F) by (unfold ofQ; field; assumption). rewrite H. ring.
  Qed.

  Lemma inj_0 : inj 0 = zero :> F. Proof. reflexivity. Qed.
  Lemma inj_1 : inj 1 = one :> F. Proof. reflexivity. Qed.
  Lemma inj_add a b : inj (a + b) = inj a + inj b :> F.
  Proof. unfold inj. now rewrite Nat2Z.inj_add, ofZ_add. Qed.
  Lemma inj_mul a b : inj (a * b) = inj a * inj b :> F.
  Proof. unfold inj. now rewrite Nat2Z.inj_mul, ofZ_mul. Qed.
  Lemma inj_S n : inj (S n) = inj n + one :> F.
  Proof. replace (S n) with (n + 1)%nat by lia. apply inj_add. Qed.
  Lemma inj_nonneg n : le zero (inj n : F). Proof. apply ofZ_nonneg. lia. Qed.

  (* --- powers --- *)

  Fixpoint pow x (n : nat) : F := match n with O => one | S m => x * pow x m end.

  Lemma pow_add x a b : pow x (a + b) = pow x a * pow x b.
  Proof. induction a as [| a IH]; cbn; [ring |]. rewrite IH. ring. Qed.
  Lemma pow_mul x a b : pow x (a * b) = pow (pow x a) b.
  Proof.
    induction b as [| b IH]; [now rewrite Nat.mul_0_r |].
    rewrite Nat.mul_succ_r, Nat.add_comm, pow_add, IH. reflexivity.
  Qed.
  Lemma pow_nonneg x n : le zero x -> le zero (pow x n).
  Proof. intro H. induction n; cbn; [apply le_0_1 | now apply le_mul]. Qed.
  Lemma pow_not_zero x n : x <> zero -> pow x n <> zero.
  Proof. intro H. induction n; cbn; [apply one_not_zero | now apply no_zero_divisors]. Qed.
  Lemma pow_ofZ a n : pow (ofZ a) n = ofZ (a ^ Z.of_nat n).
  Proof.
    induction n as [| n IH]; [reflexivity |].
    rewrite Nat2Z.inj_succ, Z.pow_succ_r, ofZ_mul, <- IH by lia. reflexivity.
  Qed.

  (* --- sums --- *)

  Lemma sum_ext n f g : (forall j, 1 <= j <= n -> f j = g j)%nat -> sum n f = sum n g :> F.
  Proof. induction n as [| n IH]; intro H; cbn; [reflexivity |]. rewrite IH, H; [reflexivity | lia | intros; apply H; lia]. Qed.
  Lemma sum_scale n f x : sum n (fun j => f j * x) = sum n f * x.
  Proof. induction n as [| n IH]; cbn; [ring |]. rewrite IH. ring. Qed.
  Lemma sum_positive n f : (forall j, 1 <= j <= n -> le zero (f j) /\ f j <> zero)%nat -> (1 <= n)%nat -> le zero (sum n f) /\ sum n f <> (zero : F).
  Proof.
    intros H Hn. assert (A : le zero (sum (n - 1) f)).
    { assert (B : forall m, (m <= n)%nat -> le zero (sum m f)); [| apply B; lia].
      induction m as [| m IH]; intro; cbn; [apply le_refl |]. apply le_plus; [apply IH; lia | apply H; lia]. }
    destruct n as [| n]; [lia |]. replace (S n - 1)%nat with n in A by lia. cbn. split.
    - apply le_plus; [assumption | apply H; lia].
    - replace (sum n f + f (S n)) with (f (S n) + sum n f) by ring. apply positive_plus; try assumption; apply H; lia.
  Qed.
  Lemma sum_cut n m f : (m <= n)%nat -> (forall j, m < j <= n -> f j = zero)%nat -> sum n f = sum m f :> F.
  Proof.
    intros Hm H. induction n as [| n IH]; [now replace m with 0%nat by lia |].
    destruct (Nat.eq_dec m (S n)) as [-> | N]; [reflexivity |].
    cbn. rewrite H, IH by (try lia; intros; apply H; lia). ring.
  Qed.

  Lemma total_ext {A} (f g : A -> F) l : (forall a, In a l -> f a = g a) -> total f l = total g l.
  Proof. induction l as [| a l IH]; intro H; cbn; [reflexivity |]. rewrite H, IH; [reflexivity | intros; apply H; now right | now left]. Qed.
  Lemma total_plus {A} (f g : A -> F) l : total (fun a => f a + g a) l = total f l + total g l.
  Proof. induction l as [| a l IH]; cbn; [ring |]. rewrite IH. ring. Qed.
  Lemma total_zero {A} (l : list A) : total (fun _ => zero) l = zero :> F.
  Proof. induction l as [| a l IH]; cbn; [reflexivity |]. rewrite IH. ring. Qed.
  Lemma total_pick a l (f : nat -> F) : NoDup l -> In a l -> total (fun c => if Nat.eqb c a then f c else zero) l = f a.
  Proof.
    induction l as [| b l IH]; intros D H; [contradiction |]. inversion D as [| ? ? Nb Dl]; subst. cbn. destruct (Nat.eqb_spec b a) as [-> | N].
    - rewrite (total_ext _ (fun _ => zero)); [rewrite total_zero; ring |].
      intros c Hc. destruct (Nat.eqb_spec c a) as [-> |]; [contradiction | reflexivity].
    - destruct H; [contradiction |]. rewrite IH by assumption. ring.
  Qed.

  (* --- exponentials --- *)

  Lemma exp_0 : exp zero = one :> F.
  Proof.
    destruct (exp_positive F zero) as [_ N]. apply (cancel _ _ (exp zero) N). rewrite <- exp_add.
    replace (zero + zero) with (zero : F) by ring. ring.
  Qed.
  Lemma exp_opp x : exp (- x) = inv (exp x) :> F.
  Proof.
    destruct (exp_positive F x) as [_ N]. apply (cancel _ _ (exp x) N). rewrite <- exp_add.
    replace (- x + x) with (zero : F) by ring. rewrite exp_0. field. assumption.
  Qed.
  Lemma exp_times x n : exp (inj n * x) = pow (exp x) n :> F.
  Proof.
    induction n as [| n IH].
    - replace (inj 0 * x) with (zero : F) by (unfold inj; cbn [Z.of_nat]; rewrite ofZ_0; ring). apply exp_0.
    - rewrite inj_S. replace ((inj n + one) * x) with (x + inj n * x) by ring. rewrite exp_add, IH. reflexivity.
  Qed.

  Lemma zero_times x : zero * x = zero. Proof. ring. Qed.
  Lemma plus_minus x y : x = y + (x - y). Proof. ring. Qed.
End Numbers.
